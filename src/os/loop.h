/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Loop devices: a file as a disk. All return negative errno. */

#define LOOP_DEVICE_MAX 24

/* A free device for the file, "/dev/loop7" in @device. It lets go of the file by itself when
 * neither the descriptor that is returned nor a mount uses it any more. -ENXIO: this system has no
 * loop devices. */
int loop_attach(int file_fd, char device[static LOOP_DEVICE_MAX]);
/* The device of a file that is attached, opened. -ENXIO: it is not. */
int loop_find(const char *file, char device[static LOOP_DEVICE_MAX]);
/* The file has grown. */
int loop_grow(int loop_fd);
