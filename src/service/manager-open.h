/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The manager's methods that reach into a machine. */

#include <systemd/sd-bus.h>

int manager_exec(sd_bus_message *m, void *userdata, sd_bus_error *e);
int manager_open_login(sd_bus_message *m, void *userdata, sd_bus_error *e);
int manager_open_shell(sd_bus_message *m, void *userdata, sd_bus_error *e);
int manager_open_console(sd_bus_message *m, void *userdata, sd_bus_error *e);
