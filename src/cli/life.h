/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Starting and stopping several machines at once. Each failure is printed as it happens; the return
 * value is the exit status of the verb. */

#include "base/error.h"
#include "base/parse.h"

#include <stdbool.h>
#include <stdint.h>

/* How long a start is waited for unless told. */
#define LIFE_START_USEC (90 * USEC_PER_SEC)

/* Names that exist; one that runs already is success with a note. */
int life_start(char *const *names, bool block, uint64_t timeout_usec);

/* @force: kill at once. One that does not run is success with a note. */
int life_stop(char *const *names, bool force, bool block, uint64_t timeout_usec);

/* A stop and a start with the definition of now; one that does not run is started. The time is for
 * each of the two. */
int life_restart(char *const *names, uint64_t timeout_usec);

/* An orderly reboot by the init, and the wait until the machine is ready again. */
int life_reboot(char *const *names, bool block, uint64_t timeout_usec);

/* Whether machines start with the host. Needs systemd. */
int life_enable(char *const *names, bool enable, Error *error);
/* What systemd still knows of machines that are gone: whether they start with the host, and that
 * they had failed. Nothing to do without systemd. */
int life_forget(char *const *names, Error *error);
