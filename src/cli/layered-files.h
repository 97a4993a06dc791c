/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What an upper layer changes of what is below it: files, and packages by dpkg's database. */

#include "cli/layered.h"
#include "stack/drift.h"

typedef enum FileChangeKind {
        FILE_CHANGE_ADDED,
        FILE_CHANGE_CHANGED,    /* another content, kind or target */
        FILE_CHANGE_ATTRIBUTES, /* another mode, owner or extended attribute, and nothing else; of a
                                   directory also that it hides what is below it */
        FILE_CHANGE_REMOVED,
        _FILE_CHANGE_MAX,
        _FILE_CHANGE_INVALID = -EINVAL,
} FileChangeKind;
DECLARE_STRING_TABLE(file_change, FileChangeKind);

typedef struct FileChange {
        FileChangeKind kind;
        char *path;
        bool directory;
        uint64_t size;
} FileChange;

typedef struct LayeredFiles {
        FileChange *items; /* by path */
        size_t n;
        Drift packages; /* of that only the packages */
} LayeredFiles;

#define LAYERED_FILES_NULL ((LayeredFiles){})
#define _cleanup_layered_files_ _cleanup_(layered_files_done)
void layered_files_done(LayeredFiles *f);

/* @lower_fds: what is below, from the top, -EBADF at the end. A copy that is what is below is no
 * change; nor is a time. */
int layered_files_find(int upper_fd, const int *lower_fds, LayeredFiles *ret, Error *error);
/* The same of the try on a machine, or of what the machine has written. Nothing, if nothing was. */
int layered_files_of(const Layered *l, bool of_try, LayeredFiles *ret, Error *error);
