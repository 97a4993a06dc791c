/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where the limits of a running machine hold: properties of its unit, or files of its cgroup on a
 * host without systemd. Knows nothing of definitions. */

#include "config/resource.h"
#include "machine/machine.h"

#include <systemd/sd-bus.h>

/* TasksMax= of a machine's unit unless told: in units/stead@.service and the scopes of stead-unit.
 */
#define LIMIT_UNIT_TASKS_MAX "16384"

typedef struct LimitPlace {
        char *unit;    /* NULL: the files */
        sd_bus *bus;   /* with a unit only */
        int cgroup_fd; /* the cgroup above payload; -EBADF if the machine has none */
} LimitPlace;

#define LIMIT_PLACE_NULL ((LimitPlace){ .cgroup_fd = -EBADF })
#define _cleanup_limit_place_ _cleanup_(limit_place_done)
void limit_place_done(LimitPlace *p);
int limit_place_open(const Machine *m, LimitPlace *ret, Error *error);

/* Sets all, or none. They hold until the machine ends; those of a service until the host's next
 * boot, or unit_forget_resources(). */
int limit_place_set(const LimitPlace *p, const ResourceValues *values, Error *error);
/* -ENODATA if nothing here has such a value. */
int limit_place_get(const LimitPlace *p, const ResourceKey *key, ResourceValue *ret, Error *error);
/* Whether the kernel has what the key needs; true where that cannot be seen. */
bool limit_place_has_effect(const LimitPlace *p, const ResourceKey *key);
