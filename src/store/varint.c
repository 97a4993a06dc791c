/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/varint.h"

#include <errno.h>

ByteReader byte_reader_make(const void *data, size_t size)
{
        const uint8_t *at = data ?: "";

        return (ByteReader){ at, at + size };
}

void varint_write(Buffer *out, uint64_t value)
{
        do {
                uint8_t byte = (value & 0x7f) | (value > 0x7f ? 0x80 : 0);

                buffer_append(out, &byte, 1);
                value >>= 7;
        } while (value > 0);
}

int varint_read(ByteReader *r, uint64_t *ret)
{
        uint64_t value = 0;

        for (unsigned shift = 0; r->at < r->end; shift += 7) {
                uint8_t byte = *r->at++;

                /* the tenth byte has room for one bit; a last byte of zero is not the shortest */
                if (shift > 63 || (shift == 63 && byte > 1) || (byte == 0 && shift > 0))
                        return -EBADMSG;
                value |= (uint64_t)(byte & 0x7f) << shift;
                if (byte < 0x80) {
                        *ret = value;
                        return 0;
                }
        }
        return -EBADMSG;
}

const uint8_t *byte_reader_take(ByteReader *r, uint64_t size)
{
        const uint8_t *at = r->at;

        if (size > (uint64_t)(r->end - r->at))
                return NULL;
        r->at += size;
        return at;
}
