/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Unit properties as people write them (NAME=VALUE, systemctl set-property, systemd-run -p) and as
 * they go over the bus: one "(sv)" of StartTransientUnit() or SetUnitProperties(). The keys of
 * [Resources] come from their table, those that the scope of a machine can have besides from one
 * here. */

#include "base/error.h"
#include "config/resource.h"

#include <stdbool.h>
#include <systemd/sd-bus.h>

/* Appends one "(sv)" for "NAME=VALUE" to a message whose "a(sv)" is open. An empty value is the
 * default, or empties a list. The message names the word, and the nearest name for an unknown one;
 * nothing is appended then. */
int unit_property_append(sd_bus_message *m, const char *assignment, Error *error);
/* The same for a value that has been parsed. Fails only for lack of memory. */
int unit_property_append_value(sd_bus_message *m, const ResourceValue *v);
/* Whether "NAME=VALUE" could be appended. */
int unit_property_check(const char *assignment, Error *error);
