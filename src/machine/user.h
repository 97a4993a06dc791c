/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A user as the machine's own files know it: /etc/passwd and /etc/group of the tree, read as text
 * inside its root. No name service of the host and no code of the tree takes part. */

#include "base/error.h"

#include <stddef.h>
#include <sys/types.h>

typedef struct User {
        char *name, *home, *shell;
        uid_t uid;
        gid_t gid;
        gid_t *groups; /* supplementary, with @gid */
        size_t n_groups;
} User;

#define USER_NULL ((User){})
#define _cleanup_user_ _cleanup_(user_done)
void user_done(User *u);

/* @name: a name or a number; NULL: root. A number that passwd does not list is taken as it is, and
 * so is root in a tree without passwd. -ESRCH if there is no such user. */
int user_find(int root_fd, const char *name, User *ret, Error *error);

/* A group by name or number. -ESRCH if there is no such group. */
int user_find_group(int root_fd, const char *name, gid_t *ret, Error *error);
