/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How large a file system says that it is. The kernel looks, too, when it mounts; but it tells
 * nobody that an image was cut short, and what it never sees cannot get the better of it. */

#include <stdint.h>

typedef struct FileSystemSize {
        uint64_t bytes; /* 0: it does not say; UINT64_MAX: more than a number holds */
        uint64_t devices;
} FileSystemSize;

/* @type: as mount(8) names it, and as found at @offset. */
int file_system_size(int image_fd, uint64_t offset, const char *type, FileSystemSize *ret);
