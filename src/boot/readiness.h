/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* When is a machine up whose init does not say so? Seen from outside, by what PID 1 has started. */

#include "machine/machine.h"

/* Whether this init announces readiness by itself (READY=1), so that nobody needs to look. */
bool readiness_is_announced(InitKind kind);
/* Whether the init has come to its usual end state; @age_usec: since PID 1 was started. */
bool readiness_check(InitKind kind, pid_t pid, uint64_t age_usec);
