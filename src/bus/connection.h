/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Connections to the system bus and to the host's service manager, and their errors as ours. No
 * call waits for a bus that does not answer longer than BUS_PATIENCE_USEC. */

#include "base/error.h"
#include "base/parse.h"
#include "os/clock.h"

#include <stdbool.h>
#include <systemd/sd-bus.h>

#define MANAGER_SOCKET \
        "unix:path=/run/systemd/private" /* systemd itself, for root, without a bus */
#define BUS_PATIENCE_USEC (2 * USEC_PER_SEC)

#define _cleanup_bus_ _cleanup_(sd_bus_flush_close_unrefp)
#define _cleanup_message_ _cleanup_(sd_bus_message_unrefp)
#define _cleanup_bus_error_ _cleanup_(sd_bus_error_free)
#define _cleanup_slot_ _cleanup_(sd_bus_slot_unrefp)

/* Whether systemd is PID 1 here (sd_booted(3)). */
bool bus_host_runs_systemd(void);

/* The system bus. -ENXIO when this host has none or it does not answer. */
int bus_open_system(sd_bus **ret, Error *error);
/* The service manager: over the system bus, or where no bus daemon runs and we are root, over its
 * private socket (then *ret_private: no bus names there, so that nobody can call back). -ENXIO when
 * the host does not run systemd. */
int bus_open_manager(sd_bus **ret, bool *ret_private, Error *error);
/* A connection to one address, for buses inside machines and for tests. @client: it is a bus and
 * wants a Hello. */
int bus_open_address(const char *address, bool client, sd_bus **ret, Error *error);

/* The same to a socket that is connected already, which it takes. -ENXIO when nobody answers. */
int bus_open_fd(int fd_take, bool client, sd_bus **ret, Error *error);

/* Sets @error from a failed call: the D-Bus error's text where there is one, else that of the errno
 * @r (negative). Always returns a negative errno. */
int bus_error_set(Error *error, const sd_bus_error *e, int r, const char *format, ...)
        _printf_(4, 5);
