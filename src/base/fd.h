/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whole reads, whole writes and whole replacements of small files. Paths are (dirfd, path) pairs,
 * AT_FDCWD for the process's own. */

#include "base/cleanup.h"

#include <stdint.h>
#include <sys/types.h>

/* Reads up to @limit bytes of a regular, proc or sys file, always NUL-terminated. -EFBIG beyond it.
 * Returns the size. Does not follow a symlink in the last component if @path is not absolute. */
ssize_t read_file_at(int dirfd, const char *path, size_t limit, char **ret);
/* The same from an open descriptor. */
ssize_t read_fd(int fd, size_t limit, char **ret);

/* One write() of the whole text, as proc and cgroup files want it. */
int write_file_at(int dirfd, const char *path, const char *text);
/* Loops until everything is written. */
int write_all(int fd, const void *data, size_t size);

/* Writes beside, syncs nothing, renames over: a reader sees the old text or the new, never half.
 * The right call for /run; use write_file_synced_at() below /etc and /var. */
int write_file_atomic_at(int dirfd, const char *path, const char *text, mode_t mode);
/* The same with fsync of file and directory: the new text survives a power cut. */
int write_file_synced_at(int dirfd, const char *path, const char *text, mode_t mode);
/* Synced, too, and never over a file that is there: -EEXIST. */
int write_file_new_at(int dirfd, const char *path, const char *text, mode_t mode);

/* mkdir -p below @dirfd. Existing directories are fine. */
int mkdir_parents_at(int dirfd, const char *path, mode_t mode);

/* rm -rf, within one file system, never following symlinks. Missing is fine. */
int remove_tree_at(int dirfd, const char *path);

/* "/proc/self/fd/N" of an open descriptor, for the calls that only take paths. */
typedef struct FdPath {
        char path[32];
} FdPath;
FdPath fd_path(int fd);
