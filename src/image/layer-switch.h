/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Running stead-switch, which brings the layers of a machine together as they are to be. A program
 * of its own, since it needs libraries that the launcher must not load. */

#include "base/error.h"

/* @lock_fd: the machine's lock; @data_fd: its data directory. What the program says on failure
 * becomes the error; else it goes to stderr. -ESTALE: the stack before is still in force and can be
 * started on. */
int layer_switch_run(const char *machine, char *const *layers, int lock_fd, int data_fd,
                     Error *error);
