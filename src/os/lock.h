/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Lock files that leave no litter: removed by the last exclusive holder, and safe against another
 * process doing the same at that moment. */

#include <stdbool.h>

typedef struct LockFile {
        int fd;
        char *path;
        bool exclusive;
} LockFile;

#define LOCK_FILE_NULL ((LockFile){ .fd = -EBADF })

/* -EAGAIN: someone else holds it. */
int lock_file_take(const char *path, bool exclusive, LockFile *ret);
/* Waits for it: only where nobody holds it for longer than a moment. */
int lock_file_wait(const char *path, bool exclusive, LockFile *ret);
/* Whether somebody holds it, without getting in anybody's way as an attempt to take it would. True
 * where that cannot be told. */
bool lock_file_is_held(const char *path);
/* Removes the file if nobody else holds it, and lets go. Idempotent. */
void lock_file_release(LockFile *lock);
