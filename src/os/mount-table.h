/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is mounted, as /proc/self/mountinfo has it. */

/* 1 and the mount point if something is mounted on @path or below, else 0. @path is absolute and
 * has no symlinks. The caller frees it. */
int mount_table_find_below(const char *path, char **ret);
