/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a file of many contents begins with: the line that says what it is, the size of the head (4
 * bytes, little endian), the head as a zstd frame. */

#include "store/varint.h"

int packed_head_write(const char *magic, const Buffer *head, int level, Buffer *out);
/* *@ret is appended to, and @file is behind the head then. -EINVAL: another kind of file; -ENODATA:
 * it ends before the head does; -EBADMSG, -EFBIG: the frame. */
int packed_head_read(const char *magic, ByteReader *file, uint64_t max, Buffer *ret);
