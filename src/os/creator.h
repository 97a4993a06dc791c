/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whose files we create: for a while, everything this thread makes in a file system belongs to
 * another user, while all capabilities stay. Through an idmapped mount that is the only way to
 * create at all, since our own id has no place in its map. */

#include <sys/types.h>

typedef struct Creator {
        int saved_bits; /* securebits; -1: nothing to undo */
} Creator;

#define CREATOR_NULL ((Creator){ .saved_bits = -1 })

/* @uid is user and group. Uid 0 changes nothing. */
int creator_enter(uid_t uid, Creator *ret);
void creator_leave(Creator *creator);
