/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A tree in the making, or one on its way out: a directory with a name that no machine can have,
 * beside the place where it belongs. It becomes a machine's tree by one rename at the end. Whoever
 * dies before leaves a directory whose lock is free, which the next one to come removes. */

#include "base/error.h"

typedef struct Staging {
        int parent_fd; /* the directory of all trees */
        int fd;        /* the tree; its lock is held */
        char *parent, *name, *temporary;
} Staging;

#define STAGING_NULL ((Staging){ .parent_fd = -EBADF, .fd = -EBADF })

/* Makes an empty one for @parent/@name, after removing what others left. -EEXIST if there is such a
 * tree already, or a disk image of that name. */
int staging_new(const char *parent, const char *name, Staging *ret, Error *error);
/* The same for what a limit may be put on one day: see os/subvolume.h. */
int staging_new_state(const char *parent, const char *name, Staging *ret, Error *error);
/* -EEXIST if somebody else has made one of that name meanwhile. */
int staging_check_free(const Staging *s, Error *error);
/* Puts it in its place, on disk as well. */
int staging_commit(Staging *s, Error *error);
/* Puts only @inside in its place, a file or directory of it, with @suffix after the name (".raw" of
 * a disk image). The rest goes with staging_done(). */
int staging_commit_part(Staging *s, const char *inside, const char *suffix, Error *error);
/* Removes what was not committed. */
void staging_done(Staging *s);

/* Takes the tree @parent/@name out of sight by one rename and then removes it. -ENOENT: there is
 * none. Nothing below is touched if something is mounted there. */
int staging_remove(const char *parent, const char *name, Error *error);
