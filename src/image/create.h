/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Making a new tree from one of three sources. Either all of it is there at the end, under its name
 * and with an identity of its own, or nothing is. */

#include "image/archive.h"
#include "image/debian.h"

typedef enum CreateSource {
        CREATE_DEBIAN,
        CREATE_ARCHIVE,
        CREATE_COPY,
        _CREATE_SOURCE_MAX,
} CreateSource;

typedef struct CreateRequest {
        const char *directory; /* of all trees */
        const char *name;
        CreateSource source;
        DebianRecipe debian;
        ArchiveSource archive;
        const char *copy_from; /* absolute path */
        bool copy_busy;        /* also while a machine runs on it */
} CreateRequest;

int create_tree(const CreateRequest *request, WorkerProgress progress, void *userdata,
                Error *error);
