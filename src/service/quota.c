/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counters by user. */

#include "service/quota.h"

#include "base/cleanup.h"

#include <stdlib.h>

DEFINE_STRING_TABLE(quota_kind, QuotaKind, "authorizations", "calls", "jobs", "processes", "waits");

/* Root's are there to bound memory; a user's, so that a handful of users cannot reach root's. */
static const struct {
        unsigned user, root;
} limits[_QUOTA_KIND_MAX] = {
        [QUOTA_AUTHORIZATION] = { 64, 64 }, /* root is never asked */
        [QUOTA_CALL] = { 8, 64 },           [QUOTA_JOB] = { 16, 256 },
        [QUOTA_PROCESS] = { 32, 256 },      [QUOTA_WAIT] = { 64, 512 },
};

unsigned quota_limit(uid_t uid, QuotaKind kind)
{
        return uid == 0 ? limits[kind].root : limits[kind].user;
}

void quota_done(Quota *q)
{
        free(q->users);
        *q = QUOTA_NULL;
}

static QuotaUser *find(Quota *q, uid_t uid)
{
        for (size_t i = 0; i < q->n_users; i++)
                if (q->users[i].uid == uid)
                        return &q->users[i];
        return NULL;
}

int quota_take(Quota *q, uid_t uid, QuotaKind kind)
{
        QuotaUser *u = find(q, uid);

        if (!u) {
                QuotaUser *grown = reallocarray(q->users, q->n_users + 1, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                q->users = grown;
                u = &grown[q->n_users++];
                *u = (QuotaUser){ .uid = uid };
        }
        if (u->used[kind] >= quota_limit(uid, kind))
                return -EDQUOT;
        u->used[kind]++;
        q->used[kind]++;
        return 0;
}

void quota_give_back(Quota *q, uid_t uid, QuotaKind kind)
{
        QuotaUser *u = find(q, uid);
        unsigned left = 0;

        if (!u || u->used[kind] == 0)
                return;
        u->used[kind]--;
        q->used[kind]--;
        for (int i = 0; i < _QUOTA_KIND_MAX; i++)
                left += u->used[i];
        if (left == 0)
                *u = q->users[--q->n_users];
}
