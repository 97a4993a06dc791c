/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The manager's methods about definitions. */

#include <systemd/sd-bus.h>

int manager_list_definitions(sd_bus_message *m, void *userdata, sd_bus_error *e);
int manager_check(sd_bus_message *m, void *userdata, sd_bus_error *e);
int manager_plan(sd_bus_message *m, void *userdata, sd_bus_error *e);
int manager_diff(sd_bus_message *m, void *userdata, sd_bus_error *e);
int manager_set(sd_bus_message *m, void *userdata, sd_bus_error *e);
