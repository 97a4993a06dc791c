/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Pseudo terminals of a given devpts instance, and the terminal modes of our own. */

#include <stdint.h>
#include <sys/ioctl.h>
#include <termios.h>

/* Opens a master of the devpts instance whose root is @devpts_fd; its slave is pts/@ret_number. */
int pty_open(int devpts_fd, int *ret_number);
int pty_set_size(int fd, uint16_t rows, uint16_t columns);
/* Copies the window size of one terminal to another; quietly nothing if either has none. */
void pty_copy_size(int from_fd, int to_fd);
/* Raw mode on fd; *ret_saved is what to restore. -ENOTTY when it is no terminal. */
int terminal_set_raw(int fd, struct termios *ret_saved);
