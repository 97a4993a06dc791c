/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How much of the service one user may take at a time, so that no user can keep it from the others.
 */

#include "base/string-table.h"

#include <errno.h>
#include <stddef.h>
#include <sys/types.h>

typedef enum QuotaKind {
        QUOTA_AUTHORIZATION, /* questions to polkit that are not answered yet */
        QUOTA_CALL,          /* method calls for which a process works */
        QUOTA_JOB,
        QUOTA_PROCESS, /* processes in machines */
        QUOTA_WAIT,    /* calls that wait for the end of a job or process */
        _QUOTA_KIND_MAX,
        _QUOTA_KIND_INVALID = -EINVAL,
} QuotaKind;
DECLARE_STRING_TABLE(quota_kind, QuotaKind);

typedef struct QuotaUser {
        uid_t uid;
        unsigned used[_QUOTA_KIND_MAX];
} QuotaUser;

typedef struct Quota {
        QuotaUser *users; /* those who use anything */
        size_t n_users;
        unsigned used[_QUOTA_KIND_MAX];          /* by all */
        unsigned used_by_users[_QUOTA_KIND_MAX]; /* by all but root */
} Quota;

#define QUOTA_NULL ((Quota){})
void quota_done(Quota *q);

/* -EDQUOT when @uid has as much as it may have, -EUSERS when all but root together have. */
int quota_take(Quota *q, uid_t uid, QuotaKind kind);
void quota_give_back(Quota *q, uid_t uid, QuotaKind kind);
/* What a user may have at a time. */
unsigned quota_limit(uid_t uid, QuotaKind kind);
