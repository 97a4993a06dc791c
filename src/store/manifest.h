/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The manifest of a tree: its entries in canonical order and form, as text. Its SHA-256 is the
 * tree's id, so that equal trees have one id and a manifest is either the one asked for or refused.
 *
 *   stead-tree 1
 *   d 755 0 0 1700000000 /                        directory; D: an opaque one
 *   f 644 0 0 1700000000 SIZE HASH /etc/hosts
 *   l 0 0 1700000000 TARGET /bin                  symbolic link: has no mode of its own
 *   h /usr/bin/perl /usr/bin/perl5.36.0           other name of an earlier file
 *   c 600 0 0 1700000000 5:1 /dev/console         b: block device
 *   p 600 0 0 1700000000 /run/initctl             fifo; s: socket
 *   w /etc/motd                                   whiteout
 *   x NAME HEX                                    attribute of the entry before it
 *
 * record.h says how words are written. */

#include "base/error.h"
#include "store/entry.h"

#define MANIFEST_MAGIC "stead-tree 1"

typedef struct Manifest {
        Entry *entries; /* sorted by entry_path_compare(), no path twice, parents before children */
        size_t n, allocated;
} Manifest;

#define MANIFEST_NULL ((Manifest){})
#define _cleanup_manifest_ _cleanup_(manifest_done)
void manifest_done(Manifest *m);

/* Moves *entry to the end and empties it. Order is the caller's affair until manifest_sort(). */
int manifest_add_take(Manifest *m, Entry *entry);
void manifest_sort(Manifest *m);
/* By binary search; NULL. */
const Entry *manifest_find(const Manifest *m, const char *path);
/* What a link names; the entry itself if it is none. */
const Entry *manifest_resolve_link(const Manifest *m, const Entry *e);
/* The entries at and below a directory: from *ret_first, so many. */
size_t manifest_below(const Manifest *m, const char *path, size_t *ret_first);

/* The canonical text and its hash; either may be NULL. */
int manifest_write(const Manifest *m, Buffer *ret_text, Hash *ret_id);
/* Text that anybody may have written: everything that manifest_write() would not write is refused,
 * with the line. @name is for messages. */
int manifest_parse(const char *name, const char *text, size_t size, Manifest *ret, Error *error);

/* How much there is. */
typedef struct ManifestSize {
        uint64_t n_files, n_directories, n_others;
        uint64_t bytes; /* of files; those that are one in a checkout counted once */
} ManifestSize;
int manifest_measure(const Manifest *m, ManifestSize *ret);
/* A number for each entry: from 1 for a file, equal for those that are one inode in a checkout,
 * links among them; 0 for what is no file. The caller frees it. */
int manifest_number_files(const Manifest *m, size_t **ret);
