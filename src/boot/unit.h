/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The machine as a unit of the host's systemd, and its entry at machined, through stead-unit: a
 * program of its own, so that the launcher carries no bus library. On a host without systemd
 * nothing of this happens. */

#include "boot/boot.h"

/* Whether systemd is the host's service manager. */
bool unit_host_runs_systemd(void);

/* Makes the machine's scope; fills b->unit and b->cgroup. Negative with @error when there is none:
 * the machine can run without. */
int unit_take_scope(Boot *b, Error *error);

/* What the unit in which we already are, b->unit, must allow on top of what it does: device nodes
 * that the definition shows in the machine. One warning if it cannot be. */
void unit_allow_devices(Boot *b);

/* Makes PID 1 known to machined. Waits for the answer only where the start depends on it; else it
 * comes through unit_on_message(). */
int unit_register(Boot *b, Error *error);
/* Withdraws it again, before the next start and at the end. */
void unit_unregister(Boot *b);

typedef enum UnitNews {
        UNIT_NEWS_NONE,
        UNIT_NEWS_REGISTERED, /* or not: it has been said why */
        UNIT_NEWS_STOP,       /* systemd asks for an orderly stop */
        UNIT_NEWS_GONE,       /* stead-unit ended; b->unit_fd is closed */
} UnitNews;

/* For the event loop, when b->unit_fd is readable. */
UnitNews unit_on_message(Boot *b);

/* Lets go of stead-unit, and with it of the scope. */
void unit_done(Boot *b);
