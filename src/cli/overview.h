/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* All that can be said about one machine, running or not: from its state file, its tree, its
 * control group and its network namespace. What cannot be found out is NULL or OVERVIEW_UNKNOWN. */

#include "machine/machine.h"

#define OVERVIEW_UNKNOWN UINT64_MAX

typedef struct Overview {
        char *name;
        Machine *machine; /* NULL: not running */
        char *root;       /* tree on the host */
        char *definition; /* file */
        char *os, *os_id; /* PRETTY_NAME and ID of os-release */
        char **addresses;
        uint64_t memory, tasks, cpu_usec;
} Overview;

#define OVERVIEW_NULL                            \
        ((Overview){ .memory = OVERVIEW_UNKNOWN, \
                     .tasks = OVERVIEW_UNKNOWN,  \
                     .cpu_usec = OVERVIEW_UNKNOWN })
#define _cleanup_overview_ _cleanup_(overview_done)

/* -ENOMEM is the only error: every fact may be missing. */
int overview_load(const char *name, Overview *ret);
void overview_done(Overview *o);

/* "running", "starting", "stopping", or "stopped". */
const char *overview_state(const Overview *o);
