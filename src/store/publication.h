/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A directory that is published, see site.h, while somebody changes it. New files are made in its
 * .stage/, synced, and only then get their names; refs come after them. Whoever is killed at any
 * moment leaves a directory that is right for its readers. */

#include "base/error.h"
#include "store/ref.h"
#include "store/site.h"

typedef struct Publication {
        char *path;
        int fd, stage_fd, lock_fd;
} Publication;

#define PUBLICATION_NULL ((Publication){ .fd = -EBADF, .stage_fd = -EBADF, .lock_fd = -EBADF })
#define _cleanup_publication_ _cleanup_(publication_close)
void publication_close(Publication *p);
/* Made if it is missing. -EBUSY: somebody else publishes there. */
int publication_open(const char *path, Publication *ret, Error *error);

/* Published, or staged. */
bool publication_has(const Publication *p, const char *path);
/* A new file for @path in the stage. May be called by several threads, for different paths. */
int publication_new_file(const Publication *p, const char *path);
int publication_stage(const Publication *p, const char *path, const void *data, size_t size);
/* What was staged for @from is for @to. */
int publication_restage(const Publication *p, const char *from, const char *to);
/* All that is staged gets its place, for good. Returns how many files that were. */
int publication_commit(const Publication *p, Error *error);

/* -ENOENT: there is none. */
int publication_load_ref(const Publication *p, const char *name, Ref *ret, Error *error);
/* Replaces the ref and the list of all; everything that it needs must be committed. */
int publication_save_ref(const Publication *p, const Ref *ref, const char *text, Error *error);
/* All names, sorted. */
int publication_list_refs(const Publication *p, char ***ret, Error *error);

/* "Failed to write below 'PATH': ..." */
int publication_error(const Publication *p, int r, Error *error);
