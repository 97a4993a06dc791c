/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/packed-head.h"

#include "store/compress.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

int packed_head_write(const char *magic, const Buffer *head, int level, Buffer *out)
{
        _cleanup_buffer_ Buffer frame = BUFFER_NULL;
        uint32_t size;
        int r = compress_memory(head->data ?: "", head->size, level, NULL, 0, &frame);

        if (r < 0)
                return r;
        size = htole32((uint32_t)frame.size);
        buffer_append(out, magic, strlen(magic));
        buffer_append(out, &size, sizeof(size));
        buffer_append(out, frame.data, frame.size);
        return buffer_error(out);
}

int packed_head_read(const char *magic, ByteReader *file, uint64_t max, Buffer *ret)
{
        const uint8_t *start = byte_reader_take(file, strlen(magic)), *frame;
        uint32_t size = 0;

        if (!start || memcmp(start, magic, strlen(magic)) != 0)
                return -EINVAL;
        frame = byte_reader_take(file, sizeof(size));
        if (frame)
                memcpy(&size, frame, sizeof(size));
        frame = frame ? byte_reader_take(file, le32toh(size)) : NULL;
        if (!frame)
                return -ENODATA;
        return decompress_memory(frame, le32toh(size), NULL, 0, max, ret);
}
