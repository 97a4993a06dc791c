/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Changing properties of a unit that is loaded. */

#include "bus/connection.h"

/* @assignments: "NAME=VALUE" words; what is a list is added to. @runtime: until the next boot of
 * the host; else systemd writes a drop-in. */
int unit_set_properties(sd_bus *bus, const char *unit, char *const *assignments, bool runtime,
                        Error *error);
