/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What else a person does to units: reload systemd, enable, kill, and set or read properties of one
 * that runs. Connections come from bus_open_manager(). */

#include "bus/connection.h"
#include "config/resource.h"

/* "active", "failed", ... of a unit that may not exist ("inactive"). */
int unit_active_state(sd_bus *bus, const char *unit, char **ret, Error *error);
/* Whether a job of it waits or runs. */
int unit_has_job(sd_bus *bus, const char *unit, Error *error);
/* "org.freedesktop.systemd1.Service" or "...Scope", by the unit's name. */
const char *unit_interface(const char *unit);

/* Major version of the running manager. */
int systemd_version(sd_bus *bus, unsigned *ret, Error *error);
/* When it read all unit files last, CLOCK_REALTIME. */
int systemd_loaded_usec(sd_bus *bus, uint64_t *ret, Error *error);
/* Reads all unit files and runs all generators again; a running unit gets its new limits at once.
 */
int systemd_reload(sd_bus *bus, Error *error);

/* systemctl enable, disable. 1 if anything was changed; the links are read at the next reload. */
int systemd_enable(sd_bus *bus, const char *unit, bool enable, Error *error);
/* "enabled", "disabled", "static", ... */
int systemd_unit_file_state(sd_bus *bus, const char *unit, char **ret, Error *error);
/* A signal to all processes of a unit. */
int systemd_kill_unit(sd_bus *bus, const char *unit, int signal, Error *error);
/* Forgets that a unit has failed. One that has not is fine. */
int systemd_reset_failed(sd_bus *bus, const char *unit, Error *error);

/* Sets all of @values on a running unit, or none, until the host's next boot or the unit's end.
 * -EOPNOTSUPP with the key named when the host's systemd is too old for one. */
int systemd_set_resources(sd_bus *bus, const char *unit, const ResourceValues *values,
                          Error *error);
/* Reads back the value of one key. -ENODATA if the unit has no such property. A percentage comes
 * back as the number that it stands for. */
int systemd_get_resource(sd_bus *bus, const char *unit, const ResourceKey *key, ResourceValue *ret,
                         Error *error);
/* Removes what systemd_set_resources() made systemd keep for @keys of @unit; what holds now stays
 * until systemd reads its units again. */
int unit_forget_resources(const char *unit, const ResourceValues *keys, Error *error);
/* Whether there is such a thing about @key. */
bool unit_has_runtime_value(const char *unit, const ResourceKey *key);
