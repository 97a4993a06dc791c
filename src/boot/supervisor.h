/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The event loop of one machine, from exec of PID 1 to its end. */

#include "boot/boot.h"

typedef enum SupervisorEnd {
        SUPERVISOR_OFF,    /* powered off, or the command ended: *ret_status is our exit status */
        SUPERVISOR_REBOOT, /* start again */
} SupervisorEnd;

typedef struct Supervisor Supervisor;

/* Takes signals and terminal; before the first start, so that no request is lost. */
int supervisor_new(Boot *boot, Supervisor **ret, Error *error);
Supervisor *supervisor_free(Supervisor *s);
DEFINE_CLEANUP(Supervisor, supervisor_free)

/* Looks after the machine until PID 1 ends. Returns a SupervisorEnd or negative errno. */
int supervisor_run(Supervisor *s, int *ret_status, Error *error);
