/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Files that are no raw images, by their first bytes: to unpack them, or to tell a person what to
 * do. */

#include "image/disk-refusal.h"

#include <sys/types.h>

typedef struct FileFormat {
        off_t offset;
        const char *magic;
        size_t size;
        DiskRefusalKind kind; /* FORMAT, PACKED, ARCHIVE or ISO: why it cannot be used as it is */
        const char *name;     /* of what is packed, also the program that unpacks it; or NULL */
} FileFormat;

/* NULL: none of them. */
const FileFormat *file_format_find(int fd);
/* The table's copy of @name, or NULL. */
const char *file_format_name(const char *name);
