/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* All that can be said about one machine, running or not: from its state file, its tree, its
 * control group and its network namespace. What cannot be found out is NULL, or USAGE_UNKNOWN, or
 * negative. */

#include "cli/health.h"
#include "machine/usage.h"

typedef struct Overview {
        char *name;
        Machine *machine;              /* NULL: not running */
        char *root;                    /* tree or disk image on the host */
        bool layered;                  /* it is made of layers; the root is where its state is */
        char *definition;              /* file */
        char *os, *os_id, *os_version; /* PRETTY_NAME, ID and VERSION_ID of os-release */
        char **addresses;
        const char *network; /* as net_describe() has it */
        char **links;        /* the host's */
        char **ports;        /* as options have them */
        Usage usage;
        double cpu_percent; /* of now: overviews_measure() */
        Health health;      /* overview_load_health() */
} Overview;

#define OVERVIEW_NULL ((Overview){ .usage = USAGE_NULL, .cpu_percent = -1, .health = HEALTH_NULL })
#define _cleanup_overview_ _cleanup_(overview_done)

/* -ENOMEM is the only error: every fact may be missing. */
int overview_load(const char *name, Overview *ret);
void overview_done(Overview *o);

/* "running", "starting", "stopping", or "stopped". */
const char *overview_state(const Overview *o);
/* Asks the machine itself; takes what a program inside takes. */
void overview_load_health(Overview *o);

typedef struct Overviews {
        Overview *items;
        size_t n;
} Overviews;

#define OVERVIEWS_NULL ((Overviews){})
#define _cleanup_overviews_ _cleanup_(overviews_done)
void overviews_done(Overviews *list);

/* Loads those of @names, in their order. -ENOMEM is the only error. */
int overviews_load(char *const *names, Overviews *ret);
/* Reads the use of those that run a second time, a tenth of a second after the first. */
void overviews_measure(Overviews *list);
