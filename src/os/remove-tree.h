/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Removing whole trees on disk. */

/* rm -rf of (dirfd, name) that never leaves the mount it begins on, not even into a bind mount of
 * the same file system, and never follows symlinks. Missing is fine. Goes on after an error and
 * returns the first one; -EXDEV for a mount in the way. */
int remove_tree_one_mount(int dirfd, const char *name);
