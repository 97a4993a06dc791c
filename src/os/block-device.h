/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The disk behind a path, as control groups count it. */

#include <sys/types.h>

/* The whole disk of a block device, or of the file system that any other @path is on: partitions
 * and simple mappings (encryption) are followed down. -ENODEV where there is no disk, or no single
 * one. */
int block_device_of(const char *path, dev_t *ret);
