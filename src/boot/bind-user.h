/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Users of the host in a machine (CI-201 to CI-203): who they are here and there, the id maps that
 * tie both together, and the records by which the machine knows them. */

#include "base/buffer.h"
#include "base/error.h"
#include "os/userns.h"

#include <stdbool.h>

/* The range that systemd keeps for users of the host in containers (docs UIDS-GIDS). */
#define BIND_USER_ID_MIN UINT32_C(60514)
#define BIND_USER_ID_MAX UINT32_C(60577)
#define BIND_USERS_MAX (BIND_USER_ID_MAX - BIND_USER_ID_MIN + 1)
#define BIND_USER_MAPS_MAX (2 * BIND_USERS_MAX + 1)

typedef struct BindUser {
        char *name;
        char *real_name, *shell, *password; /* NULL: none */
        char *home;                         /* on the host */
        uid_t host_uid;
        gid_t host_gid;
        uint32_t id; /* user and group in the machine */
} BindUser;

void bind_user_done(BindUser *u);

/* Looks them up on the host and finds an id in the tree for each, ascending. */
int bind_users_find(char *const *names, int root_fd, BindUser **ret, size_t *ret_n, Error *error);

/* The lines of a machine's uid_map or gid_map: @base and @size with a hole for each user. */
unsigned bind_users_map(const BindUser *users, size_t n, bool group, uint32_t base, uint32_t size,
                        IdMap ret[static BIND_USER_MAPS_MAX]);
/* Whether an id of this user is one of the range, so that no map can hold both. */
bool bind_user_is_in_range(const BindUser *u, uint32_t base, uint32_t size);

/* User and group record, and the one that only root of the machine may read (false: none needed);
 * https://systemd.io/USER_RECORD */
void bind_user_record(const BindUser *u, Buffer *out);
void bind_user_group_record(const BindUser *u, Buffer *out);
bool bind_user_privileged_record(const BindUser *u, Buffer *out);
