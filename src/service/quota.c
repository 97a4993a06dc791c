/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counters by user. */

#include "service/quota.h"

#include "base/cleanup.h"

#include <stdlib.h>

DEFINE_STRING_TABLE(quota_kind, QuotaKind, "authorizations", "calls", "jobs", "processes", "waits");

/* Root's are there to bound memory; a user's, so that none can keep the service from the others;
 * all users', so that they cannot keep it from root. */
static const struct {
        unsigned user, users, root;
} limits[_QUOTA_KIND_MAX] = {
        [QUOTA_AUTHORIZATION] = { 64, 256, 64 }, /* root is never asked */
        [QUOTA_CALL] = { 8, 64, 64 },
        [QUOTA_JOB] = { 16, 128, 256 },
        [QUOTA_PROCESS] = { 32, 256, 256 },
        [QUOTA_WAIT] = { 64, 512, 512 },
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

static void forget_if_idle(Quota *q, QuotaUser *u)
{
        for (int i = 0; i < _QUOTA_KIND_MAX; i++)
                if (u->used[i] > 0)
                        return;
        *u = q->users[--q->n_users];
}

int quota_take(Quota *q, uid_t uid, QuotaKind kind)
{
        QuotaUser *u = find(q, uid);
        int r;

        if (!u) {
                QuotaUser *grown = reallocarray(q->users, q->n_users + 1, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                q->users = grown;
                u = &grown[q->n_users++];
                *u = (QuotaUser){ .uid = uid };
        }
        r = u->used[kind] >= quota_limit(uid, kind)                    ? -EDQUOT
            : uid != 0 && q->used_by_users[kind] >= limits[kind].users ? -EUSERS
                                                                       : 0;
        if (r >= 0) {
                u->used[kind]++;
                q->used[kind]++;
                q->used_by_users[kind] += uid != 0;
        }
        forget_if_idle(q, u);
        return r;
}

void quota_give_back(Quota *q, uid_t uid, QuotaKind kind)
{
        QuotaUser *u = find(q, uid);

        if (!u || u->used[kind] == 0)
                return;
        u->used[kind]--;
        q->used[kind]--;
        q->used_by_users[kind] -= uid != 0;
        forget_if_idle(q, u);
}
