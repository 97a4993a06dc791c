/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a machine's own init says of how it is. Only systemd keeps such a record. */

#include "machine/machine.h"

typedef struct Health {
        char *state;   /* "running", "degraded" ..., NULL: nobody to ask, or no answer in time */
        char **failed; /* names of its failed units */
        bool silent;   /* asked in vain */
} Health;

#define HEALTH_NULL ((Health){})

/* Runs systemctl inside, for at most two seconds. A machine that is frozen is that. */
void health_load(const Machine *m, Health *ret);
void health_done(Health *h);
