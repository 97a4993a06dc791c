/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A manifest becomes a directory. */

#include "store/progress.h"
#include "store/store.h"

typedef struct TreeWriter {
        const Store *store;
        const Manifest *manifest;
        bool copy;          /* files of their own, where a checkout has hard links to objects */
        Progress *progress; /* or NULL */
} TreeWriter;

/* Into the empty directory @root_fd, which becomes the manifest's root, attributes and all. What is
 * there after a failure is the caller's to remove. */
int tree_write(const TreeWriter *writer, int root_fd, Error *error);
