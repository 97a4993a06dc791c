/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The two lock files of a tree or disk image, the same that systemd-nspawn and machined use
 * (CI-143): one writer, or many readers. */

#include "base/error.h"
#include "os/lock.h"

#include <stdbool.h>

typedef struct TreeLock {
        LockFile files[2];
} TreeLock;

#define TREE_LOCK_NULL ((TreeLock){ { LOCK_FILE_NULL, LOCK_FILE_NULL } })

/* -EBUSY with @error set if a machine or another program is on the tree. */
int tree_lock_take(const char *path, bool exclusive, TreeLock *ret, Error *error);
void tree_lock_release(TreeLock *lock);
