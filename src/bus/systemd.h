/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* org.freedesktop.systemd1: what stead asks the host's service manager. Connections come from
 * bus_open_manager(). */

#include "bus/connection.h"

#define SYSTEMD_NAME "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define SYSTEMD_MANAGER "org.freedesktop.systemd1.Manager"
#define SYSTEMD_UNIT "org.freedesktop.systemd1.Unit"
#define SYSTEMD_SCOPE "org.freedesktop.systemd1.Scope"

/* The unit of machine @name: an instance of the template, "stead@web.service". All characters of a
 * machine's name may stand in an instance. */
int systemd_service_of(const char *name, char **ret);
/* The same of a pod. */
int systemd_pod_service_of(const char *name, char **ret);
/* The unit of a machine started by hand: "machine-web.scope", with '-' as \\x2d, as
 * machined names it. */
int systemd_scope_of(const char *name, char **ret);
/* Whether the template stead@.service is installed, so that machines can be units. */
int systemd_has_template(sd_bus *bus);

/* A string property of a unit, interface with the prefix "org.freedesktop.systemd1."; "" when the
 * unit is not loaded. */
int systemd_unit_string(sd_bus *bus, const char *unit, const char *interface, const char *property,
                        char **ret, Error *error);
/* -ENOENT when there is none of that name. */
int systemd_unit_path(sd_bus *bus, const char *unit, char **ret, Error *error);
