/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is to be taken along out of a tree: files, with every directory and link on the way to them,
 * and why each one comes. Paths are resolved inside the tree, whatever its links say. */

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct CarryItem {
        char *path; /* absolute, as it stands in the tree: no component but the last may be a link
                     */
        char *why;
        mode_t type;  /* S_IFDIR, S_IFREG or S_IFLNK */
        char *target; /* of a link */
        uint64_t size;
} CarryItem;

typedef struct Carry {
        int root_fd;      /* of the tree; borrowed */
        CarryItem *items; /* in the order in which they were found; directories before what is in
                             them */
        size_t n;
        void *index; /* for tsearch() */
} Carry;

#define CARRY_NULL ((Carry){ .root_fd = -EBADF })
#define _cleanup_carry_ _cleanup_(carry_done)
void carry_done(Carry *c);

/* Takes @path along. @ret_real: where it is in the end, without links; may be NULL. -ENOENT if it
 * is not in the tree, -ELOOP; nothing is added then. */
int carry_add(Carry *c, const char *path, const char *why, char **ret_real);
/* A directory with everything below it. */
int carry_add_all(Carry *c, const char *path, const char *why);
const CarryItem *carry_find(const Carry *c, const char *path);

/* Makes all of it below the empty directory @target_fd: contents, owners, modes, times and extended
 * attributes. */
int carry_copy(const Carry *c, int target_fd, Error *error);
