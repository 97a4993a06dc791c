/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Loop devices: a file as a disk. All return negative errno. */

#include <stdbool.h>
#include <stdint.h>

#define LOOP_DEVICE_MAX 24

/* What of a file is to be a disk. All zero: the whole of it, to be written to. */
typedef struct LoopRange {
        uint64_t offset, size; /* bytes; size 0: to the end */
        bool read_only;
        bool direct; /* past the host's page cache, where the file's file system can do that */
} LoopRange;

/* A free device for the file, "/dev/loop7" in @device. It lets go of the file by itself when
 * neither the descriptor that is returned nor a mount uses it any more. -ENXIO: this system has no
 * loop devices. */
int loop_attach(int file_fd, char device[static LOOP_DEVICE_MAX]);
int loop_attach_range(int file_fd, const LoopRange *range, char device[static LOOP_DEVICE_MAX]);
/* The device of a file that is attached, opened. -ENXIO: it is not. */
int loop_find(const char *file, char device[static LOOP_DEVICE_MAX]);
/* A read-only device that shows just that of the file already, opened: what is read through it is
 * in memory once. -ENXIO: there is none. */
int loop_find_range(int file_fd, const LoopRange *range, char device[static LOOP_DEVICE_MAX]);
/* The file has grown. */
int loop_grow(int loop_fd);
