/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Paths of a tree that is not trusted: every component is resolved inside the root (openat2 with
 * RESOLVE_IN_ROOT, kernel 5.6+), so that an absolute symlink or ".." cannot leave it, and magic
 * links of procfs are refused. */

#include <sys/types.h>

/* open() below @root_fd; adds O_CLOEXEC and O_NOCTTY. */
int path_open(int root_fd, const char *path, int flags, mode_t mode);

/* Opens for reading what must be a regular file: -EBADFD for fifo, socket or device, which are
 * never opened. */
int path_open_regular(int root_fd, const char *path);

/* Reads a regular file of at most @limit bytes. Returns the size. */
ssize_t path_read(int root_fd, const char *path, size_t limit, char **ret);

/* Writes a file whole or not at all, unsynced, in place of a symlink, too. */
int path_write(int root_fd, const char *path, const char *text, mode_t mode);

/* Creates missing directories of @path. Existing ones keep their mode. */
int path_mkdirs(int root_fd, const char *path, mode_t mode);

/* Opens the directory that holds the last component; @ret_name points into @path. */
int path_open_parent(int root_fd, const char *path, const char **ret_name);

/* 0 if it exists, else negative errno. */
int path_exists(int root_fd, const char *path);
