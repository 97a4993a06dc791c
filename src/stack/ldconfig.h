/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The cache of the dynamic linker for a stack of layers, made by the host's ldconfig(8) in a
 * process with mounts of its own: an overlay of the layers whose upper layer is thrown away. The
 * process that reads the libraries is confined to that and holds no capability. */

#include "stack/merged-file.h"

typedef struct LdconfigRequest {
        char *const *lowers;          /* paths of directories, from the lowest */
        const MergedFiles *generated; /* files above them */
        const Store *store;           /* that has their contents */
        int upper_fd;                 /* the machine's state on top, or -EBADF */
        char *const *directories;     /* where the linker looks in that */
} LdconfigRequest;

/* -ENOENT: the host has no ldconfig. */
int ldconfig_run(const LdconfigRequest *request, char **ret, size_t *ret_size, Error *error);

/* Whether a change of it may change the cache. */
bool ldconfig_cares(const char *path);
