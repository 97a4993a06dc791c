/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/delta.h"

#include "store/compress.h"
#include "store/packed-head.h"

#include <string.h>

#define MAGIC "stead-delta 1\n"
#define NUMBERS_MAX 20 /* bytes of two numbers */
#define HEAD_LEVEL 9

void delta_done(Delta *d)
{
        free(d->items);
        *d = DELTA_NULL;
}

/* What cannot be compressed grows by less than a 128th; and a frame has a head. */
static uint64_t frame_max(uint64_t size)
{
        return size + size / 128 + 128;
}

uint64_t delta_size_max(const ContentList *added)
{
        return frame_max(added->bytes) + added->n * (128 + NUMBERS_MAX) + 1024;
}

int delta_write_head(const Delta *d, const ContentList *old, Buffer *out)
{
        _cleanup_buffer_ Buffer numbers = BUFFER_NULL;
        int r;

        for (size_t i = 0; i < d->n; i++) {
                const Content *base = d->items[i].base;

                varint_write(&numbers, base ? (uint64_t)(base - old->items) + 1 : 0);
                varint_write(&numbers, d->items[i].size);
        }
        r = buffer_error(&numbers);
        return r < 0 ? r : packed_head_write(MAGIC, &numbers, HEAD_LEVEL, out);
}

static int parse_item(ByteReader *numbers, const ContentList *old, const Content *target,
                      uint64_t *left, DeltaItem *ret)
{
        uint64_t base, size;

        if (varint_read(numbers, &base) < 0 || varint_read(numbers, &size) < 0 || base > old->n ||
            size > *left || size > frame_max(target->size))
                return -EBADMSG;
        ret->target = target;
        ret->base = base > 0 ? &old->items[base - 1] : NULL;
        ret->size = size;
        if (ret->base && ret->base->size > COMPRESS_PREFIX_MAX)
                return -EBADMSG;
        *left -= size;
        return 0;
}

static int parse_head(const Buffer *numbers, uint64_t frames, size_t size, const ContentList *old,
                      const ContentList *added, Delta *d)
{
        ByteReader reader = byte_reader_make(numbers->data, numbers->size);
        uint64_t left = frames;

        for (size_t i = 0; i < added->n; i++) {
                DeltaItem *item = &d->items[i];

                item->offset = size - left;
                if (parse_item(&reader, old, &added->items[i], &left, item) < 0)
                        return -EBADMSG;
                d->n++;
        }
        return reader.at == reader.end && left == 0 ? 0 : -EBADMSG;
}

int delta_parse(const void *data, size_t size, const ContentList *old, const ContentList *added,
                Delta *ret, Error *error)
{
        _cleanup_buffer_ Buffer numbers = BUFFER_NULL;
        _cleanup_delta_ Delta d = { .items = calloc(added->n + 1, sizeof(DeltaItem)) };
        ByteReader reader = byte_reader_make(data, size);
        int r;

        if (!d.items)
                return error_set(error, ENOMEM, "Out of memory");
        r = packed_head_read(MAGIC, &reader, added->n * NUMBERS_MAX, &numbers);
        if (r == -EINVAL)
                return error_set(error, EBADMSG, "it is no delta");
        if (r == -ENODATA)
                return error_set(error, EBADMSG, "it is cut off in its head");
        if (r >= 0)
                r = parse_head(&numbers, (uint64_t)(reader.end - reader.at), size, old, added, &d);
        if (r == -ENOMEM)
                return error_set(error, ENOMEM, "Out of memory");
        if (r < 0)
                return error_set(error, EBADMSG, "it is cut off, or not one of these two trees");
        *ret = d;
        d = DELTA_NULL;
        return 0;
}
