/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* io.systemd.Machine: the way to systemd-machined of systemd 256 and later that needs no bus. */

#include "bus/machined.h"

/* As machined_register() and machined_unregister(). -ENXIO: there is no such way here, or machined
 * does not run. */
int machined_varlink_register(const Registration *registration, Error *error);
int machined_varlink_unregister(const char *name, Error *error);
