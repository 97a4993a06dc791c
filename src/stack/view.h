/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Layers seen as the one tree that an overlay of them shows: whiteouts and opaque directories are
 * applied, links stand for what they name. Made once in one pass, then an array in the order of
 * manifests. */

#include "store/store.h"

/* The content of files that no manifest names: not read yet. See view_hash(). */
typedef struct ViewLayer {
        Manifest *manifest;
        int fd; /* of a directory that holds the files; -EBADF: they are objects of the store */
} ViewLayer;

typedef struct ViewEntry {
        const char *path;
        Entry *entry;   /* the layer's own; never a link or a whiteout */
        unsigned layer; /* from the lowest, 0 */
} ViewEntry;

typedef struct View {
        ViewLayer *layers; /* manifests are borrowed */
        size_t n_layers;
        ViewEntry *entries;
        size_t n;
} View;

#define VIEW_NULL ((View){})
#define _cleanup_view_ _cleanup_(view_done)
void view_done(View *v);

/* @layers from the lowest. */
int view_make(const ViewLayer *layers, size_t n, View *ret);
/* NULL: not there, or hidden. */
const ViewEntry *view_find(const View *v, const char *path);
/* The entries at and below a directory: from *ret_first, so many. */
size_t view_below(const View *v, const char *path, size_t *ret_first);

/* Reads a regular file. -EFBIG beyond @limit; -EINVAL: no regular file. Always NUL-terminated. */
int view_read(const View *v, const Store *store, const ViewEntry *e, size_t limit, char **ret,
              size_t *ret_size);
/* Opens a regular file for reading. */
int view_open(const View *v, const Store *store, const ViewEntry *e);
/* Fills in the hash of a file whose content was not read yet. */
int view_hash(const View *v, const Store *store, const ViewEntry *e);
