/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Numbers in binary heads: seven bits a byte, the lowest first, the top bit says that more follow
 * (LEB128). Reading never goes beyond the end, and takes only the shortest form. */

#include "base/buffer.h"

#include <stdint.h>

typedef struct ByteReader {
        const uint8_t *at, *end;
} ByteReader;

/* @data may be NULL if there is nothing. */
ByteReader byte_reader_make(const void *data, size_t size);
void varint_write(Buffer *out, uint64_t value);
/* -EBADMSG. */
int varint_read(ByteReader *r, uint64_t *ret);
/* So many bytes as they are; NULL if there are not so many. */
const uint8_t *byte_reader_take(ByteReader *r, uint64_t size);
