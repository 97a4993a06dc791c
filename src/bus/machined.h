/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* org.freedesktop.machine1: telling systemd-machined about a machine. Same calls in systemd 252 and
 * 257. Needs the system bus. */

#include "bus/connection.h"

#include <sys/types.h>

#define MACHINED_NAME "org.freedesktop.machine1"
#define MACHINED_PATH "/org/freedesktop/machine1"
#define MACHINED_MANAGER "org.freedesktop.machine1.Manager"
#define MACHINED_MACHINE "org.freedesktop.machine1.Machine"

typedef struct Registration {
        const char *name;
        uint8_t id[16];
        const char *service; /* the container= id */
        const char *root;    /* absolute path on the host, or "" */
        pid_t leader;        /* PID 1 of the machine; its cgroup decides which unit is recorded */
        const int32_t *interfaces; /* indices on the host */
        size_t n_interfaces;
} Registration;

/* Registers. An entry of that name that is ours or whose leader is dead is withdrawn first, and
 * machined given a moment to forget it; -EEXIST if another machine holds the name. -ENXIO: no
 * machined. */
int machined_register(sd_bus *bus, const Registration *registration, Error *error);
/* Kills nothing. A name that is not registered is success. */
int machined_unregister(sd_bus *bus, const char *name, Error *error);
/* Withdraws an entry whose leader is dead, before a unit of the same name is started or registered.
 * @bus NULL: the system bus. Asks nobody when there is no such entry. */
void machined_forget_dead(sd_bus *bus, const char *name);
