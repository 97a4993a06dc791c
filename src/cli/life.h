/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Starting and stopping several machines at once. Each failure is printed as it happens; the return
 * value is the exit status of the verb. */

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Names that exist; one that runs already is success with a note. */
int life_start(char *const *names, bool block, uint64_t timeout_usec);

/* @force: kill at once. One that does not run is success with a note. */
int life_stop(char *const *names, bool force, bool block, uint64_t timeout_usec);

/* An orderly reboot by the init, and the wait until the machine is ready again. */
int life_reboot(char *const *names, bool block, uint64_t timeout_usec);
