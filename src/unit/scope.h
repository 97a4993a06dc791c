/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The scope of a machine that was started by hand: made by systemd around ourselves, before the
 * machine has a process, so that PID 1 can be born in its place. */

#include "bus/connection.h"

#include <systemd/sd-event.h>

/* How systemd asks for an orderly stop when it cannot call us back: on the private socket, or after
 * the bus went away. It reaches every process of the scope, so it is one that means nothing to any
 * of them; systemd sends it after every signal anyway. */
#define SCOPE_STOP_SIGNAL SIGCONT

typedef struct Scope {
        char *unit;   /* "machine-web.scope" */
        char *cgroup; /* its path in the hierarchy */
        sd_bus *bus;  /* on which we are its controller */
        int launcher_fd;
} Scope;

#define SCOPE_NULL ((Scope){ .launcher_fd = -EBADF })
void scope_done(Scope *s);

/* Makes it from the fields of a SCOPE request, and moves us into its supervisor/. A RequestStop of
 * systemd goes to @launcher_fd as STOP. */
int scope_take(Scope *s, char *const *fields, sd_event *event, int launcher_fd, Error *error);

/* Sets properties of any unit at run time, from the fields of a SET request. */
int scope_set(char *const *fields, Error *error);
