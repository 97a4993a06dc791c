/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The stub init of --as-pid2: reaps orphans, turns the container signals into an orderly end of the
 * command, passes on its status. */

#include "boot/plan.h"

/* Forks. Returns 1 in the process that is to become the command (PID 2), negative errno if it cannot
 * fork; does not return in PID 1. @handshake_fd is closed in PID 1. */
int stub_run(const BootPlan *plan, int handshake_fd, Error *error);
