/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The machine's user range: picked and locked so that no other machine, of ours or of
 * systemd-nspawn's, has it, and no user of the host either (CI-124 to CI-128). */

#include "boot/plan.h"
#include "os/lock.h"

#include <sys/stat.h>

#define USER_RANGE_BASE_MIN UINT32_C(0x00080000)
#define USER_RANGE_BASE_MAX UINT32_C(0x6FFF0000)

/* Blocks of 65536 that are locked for one machine; what lies beyond is not guarded. */
#define USER_RANGE_LOCKS_MAX 16U

typedef struct UserRange {
        uint32_t base, size; /* size 0: no user namespace */
        LockFile locks[USER_RANGE_LOCKS_MAX];
        size_t n_locks;
} UserRange;

#define USER_RANGE_NULL ((UserRange){ .n_locks = 0 })

/* @root: the tree's root directory, whose owner is the first candidate. */
int user_range_take(const BootPlan *plan, const struct stat *root, UserRange *ret, Error *error);
void user_range_release(UserRange *range);

/* The nth candidate for a name: 0 is the hash of the name, later ones walk on from it. For tests.
 */
uint32_t user_range_candidate(const char *name, unsigned attempt);
