/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/pack.h"

#include "store/packed-head.h"
#include "store/record.h"

#include <inttypes.h>
#include <string.h>

#define MAGIC "stead-pack 1\n"
#define INDEX_MAGIC "stead-packs 1"
#define HEAD_MAX (UINT64_C(256) << 20) /* of some million contents */
#define HEAD_LEVEL 3                   /* hashes are noise */

void pack_done(Pack *p)
{
        free(p->items);
        *p = PACK_NULL;
}

uint64_t pack_size_max(uint64_t bytes)
{
        return bytes + bytes / 8 + (UINT64_C(64) << 20);
}

int pack_write_head(const Pack *p, Buffer *out)
{
        _cleanup_buffer_ Buffer list = BUFFER_NULL;
        int r;

        for (size_t i = 0; i < p->n; i++) {
                buffer_append(&list, p->items[i].content.bytes, HASH_SIZE);
                varint_write(&list, p->items[i].size);
        }
        r = buffer_error(&list);
        return r < 0 ? r : packed_head_write(MAGIC, &list, HEAD_LEVEL, out);
}

static int parse_list(const Buffer *list, uint64_t max, Pack *p)
{
        ByteReader reader = byte_reader_make(list->data, list->size);

        while (reader.at < reader.end) {
                const uint8_t *hash = byte_reader_take(&reader, HASH_SIZE);
                PackItem *item = &p->items[p->n];

                if (!hash || varint_read(&reader, &item->size) < 0 || item->size == 0 ||
                    item->size > max - p->bytes)
                        return -EBADMSG;
                memcpy(item->content.bytes, hash, HASH_SIZE);
                p->bytes += item->size;
                p->n++;
        }
        return 0;
}

int pack_parse(const void *data, size_t size, uint64_t max, Pack *ret, Error *error)
{
        _cleanup_buffer_ Buffer list = BUFFER_NULL;
        _cleanup_pack_ Pack p = PACK_NULL;
        ByteReader reader = byte_reader_make(data, size);
        int r = packed_head_read(MAGIC, &reader, HEAD_MAX, &list);

        if (r == -EINVAL)
                return error_set(error, EBADMSG, "it is no pack");
        if (r == -ENODATA)
                return error_set(error, EBADMSG, "it is cut off in its head");
        if (r >= 0) {
                p.items = calloc(list.size / (HASH_SIZE + 1) + 1, sizeof(PackItem));
                r = p.items ? parse_list(&list, max, &p) : -ENOMEM;
        }
        if (r == -ENOMEM)
                return error_set(error, ENOMEM, "Out of memory");
        if (r < 0)
                return error_set(error, EBADMSG, "its head is broken, or it holds too much");
        p.frame_offset = (uint64_t)(reader.at - (const uint8_t *)data);
        *ret = p;
        p = PACK_NULL;
        return 0;
}

int pack_index_write(const PackIndex *index, Buffer *out)
{
        char hash[HASH_TEXT_SIZE];

        buffer_puts(out, INDEX_MAGIC "\n");
        for (size_t i = 0; i < index->n; i++)
                buffer_printf(out, "pack %s %" PRIu64 "\n",
                              hash_to_string(&index->packs[i].content, hash), index->packs[i].size);
        return buffer_error(out);
}

int pack_index_parse(const char *name, const char *text, size_t size, PackIndex *ret, Error *error)
{
        _cleanup_record_reader_ RecordReader reader = RECORD_READER_NULL;
        char *words[RECORD_WORDS_MAX];
        PackIndex index = {};
        int n, r = record_open(name, text, size, INDEX_MAGIC, &reader, error);

        if (r < 0)
                return r;
        while ((n = record_next(&reader, words, error)) > 0) {
                PackItem *item = &index.packs[index.n];

                if (index.n == PACK_COUNT_MAX)
                        return record_refuse(&reader, error, "There are too many packs");
                if (n != 3 || strcmp(words[0], "pack") != 0 ||
                    hash_parse(words[1], &item->content) < 0 ||
                    record_parse_number(words[2], 10, INT64_MAX, &item->size) < 0)
                        return record_refuse(&reader, error, "Not a line of an index of packs");
                index.n++;
        }
        if (n < 0)
                return n;
        *ret = index;
        return 0;
}
