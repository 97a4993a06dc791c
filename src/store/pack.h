/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Packs, for whoever has little or nothing of a tree yet: many contents in one zstd stream, which
 * takes a third less than each by itself, and one request.
 *
 *   "stead-pack 1\n", size of the head (4 bytes, little endian), head, one frame of all contents
 *
 * The head, a zstd frame, has for each content its hash (32 bytes) and its size (varint.h).
 *
 * A new version adds a pack of what is new in it and goes on using the older ones, until too much
 * of these is of no use. The index of a tree names its packs, the oldest first:
 *
 *   stead-packs 1
 *   pack HASH SIZE         SIZE: bytes of all contents in it
 */

#include "base/buffer.h"
#include "base/error.h"
#include "store/hash.h"

#define PACK_COUNT_MAX 8 /* packs of one tree */

typedef struct PackItem {
        Hash content;
        uint64_t size;
} PackItem;

typedef struct Pack {
        PackItem *items;
        size_t n;
        uint64_t bytes;        /* of all items */
        uint64_t frame_offset; /* in the file */
} Pack;

#define PACK_NULL ((Pack){})
#define _cleanup_pack_ _cleanup_(pack_done)
void pack_done(Pack *p);

int pack_write_head(const Pack *p, Buffer *out);
/* From the mapped file; no more than @max bytes of contents. -EBADMSG. */
int pack_parse(const void *data, size_t size, uint64_t max, Pack *ret, Error *error);
/* A file with so many bytes of contents is not larger than that. */
uint64_t pack_size_max(uint64_t bytes);

typedef struct PackIndex {
        PackItem packs[PACK_COUNT_MAX]; /* content: of the file */
        size_t n;
} PackIndex;

int pack_index_write(const PackIndex *index, Buffer *out);
int pack_index_parse(const char *name, const char *text, size_t size, PackIndex *ret, Error *error);
