/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the init of a tree is, read from the tree, and how it wants to be stopped and rebooted. */

#include "config/settings.h"
#include "machine/machine.h"

typedef struct InitProgram {
        InitKind kind;
        const char *path; /* in the tree, one of the places where an init is looked for */
} InitProgram;

/* -ENOENT: no init; -EACCES: found, but not executable. The error says what to do. @directory is
 * for the message. */
int init_find(int root_fd, const char *directory, InitProgram *ret, Error *error);

/* Method and signal by which this init powers off and reboots. */
void init_stop_method(InitKind kind, StopMethod *ret_method, int *ret_signal);
void init_reboot_method(InitKind kind, StopMethod *ret_method, int *ret_signal);
