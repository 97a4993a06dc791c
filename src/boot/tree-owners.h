/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How the owners on disk come to be those of the machine. The one place where that is decided, as
 * soon as the machine's range is known. */

#include "boot/plan.h"
#include "boot/range.h"

typedef struct TreeOwners {
        bool mapped;   /* show the tree through an id map */
        uint32_t base; /* what is root's id on disk */
} TreeOwners;

/* @directory: the root directory that is locked; @tree_fd: what becomes the machine's root, the
 * same or one below it. Changes owners on disk if the plan says so. */
int tree_owners_settle(const BootPlan *plan, const UserRange *range, const struct stat *directory,
                       int tree_fd, TreeOwners *ret, Error *error);
