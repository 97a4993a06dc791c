/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Files that are mostly nothing. */

#include <sys/types.h>

/* Writes at @offset of a file that reads as zeros from there on: what is zero stays a hole. Returns
 * how many bytes are not, or negative errno. The file's end is the caller's to set. */
ssize_t sparse_write(int fd, const void *data, size_t size, off_t offset);
