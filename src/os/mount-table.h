/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is mounted, as /proc/PID/mountinfo has it. */

#include <sys/types.h>

typedef struct MountTable {
        char *text, *next;
} MountTable;

typedef struct MountEntry {
        int id, parent;
        char *path; /* absolute, as @pid sees it; into the table's text */
} MountEntry;

#define MOUNT_TABLE_NULL ((MountTable){})

/* @pid 0 is our own. */
int mount_table_read(pid_t pid, MountTable *ret);
/* 1 and the next entry, 0 at the end. */
int mount_table_next(MountTable *table, MountEntry *ret);
void mount_table_done(MountTable *table);

/* 1 and the mount point if something is mounted on @path or below, else 0. @path is absolute and
 * has no symlinks. The caller frees it. */
int mount_table_find_below(const char *path, char **ret);
