/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The stub init of --as-pid2: reaps orphans, turns the container signals into an orderly end of the
 * command, passes on its status. The program itself is launch/stub.c. */

#include "boot/plan.h"

/* Opens the program on the host. Returns the descriptor, or negative errno. */
int stub_open(Error *error);

/* Forks. Returns 1 in the process that is to become the command (PID 2); in PID 1 it becomes the
 * stub and returns only if that fails, with negative errno. */
int stub_run(const BootPlan *plan, int stub_fd, Error *error);
