/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A delta: every content of a tree that an older tree has not, each a zstd frame, most of them
 * patches of a content that the older one has.
 *
 *   "stead-delta 1\n", size of the head (4 bytes, little endian), head, frames
 *
 * The head, a zstd frame, has two numbers (varint.h) for each content, by hash: 0 or 1 + the place
 * of its base among the old tree's contents by hash, and the size of its frame. Both sides know
 * which contents these are, so that no hash is sent, and the signed manifest bounds everything. */

#include "store/content-list.h"

#include "base/error.h"

typedef struct DeltaItem {
        const Content *target;
        const Content *base; /* NULL: a frame without a prefix */
        uint64_t offset, size;
} DeltaItem;

typedef struct Delta {
        DeltaItem *items; /* as the contents of the new tree that are not in the old one */
        size_t n;
} Delta;

#define DELTA_NULL ((Delta){})
#define _cleanup_delta_ _cleanup_(delta_done)
void delta_done(Delta *d);

/* More than this no delta of such a list has. */
uint64_t delta_size_max(const ContentList *added);
/* What comes before the frames. Offsets of the items are not looked at. */
int delta_write_head(const Delta *d, const ContentList *old, Buffer *out);
/* @size is of the whole delta, of which @data is mapped. -EBADMSG for everything that does not fit
 * the two lists. */
int delta_parse(const void *data, size_t size, const ContentList *old, const ContentList *added,
                Delta *ret, Error *error);
