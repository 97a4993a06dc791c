/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening buses with a limit on patience: sd-bus itself waits for ever for one that was bound but
 * is not served. */

#include "bus/connection.h"

#include "base/cleanup.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define SYSTEM_BUS "unix:path=/run/dbus/system_bus_socket"

bool bus_host_runs_systemd(void)
{
        return sd_booted() > 0;
}

/* Until authenticated and, on a bus, named. */
static int wait_until_ready(sd_bus *bus)
{
        uint64_t end = clock_now_usec() + BUS_PATIENCE_USEC;

        for (;;) {
                uint64_t now;
                int r = sd_bus_is_ready(bus);

                if (r != 0)
                        return r < 0 ? r : 0;
                r = sd_bus_process(bus, NULL);
                if (r < 0)
                        return r;
                if (r > 0)
                        continue;
                now = clock_now_usec();
                if (now >= end)
                        return -ETIMEDOUT;
                r = sd_bus_wait(bus, end - now);
                if (r < 0 && r != -EINTR)
                        return r;
        }
}

/* Begins the conversation on a bus that knows where it goes. */
static int begin(sd_bus *bus, bool client)
{
        int r = sd_bus_set_bus_client(bus, client);

        if (r >= 0)
                r = sd_bus_set_trusted(bus, true); /* we are root, and serve nothing */
        if (r >= 0)
                r = sd_bus_negotiate_fds(bus, true);
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r >= 0)
                r = wait_until_ready(bus);
        if (r < 0)
                sd_bus_close(bus); /* else the clean-up would go on waiting */
        return r;
}

static int open_address(const char *address, bool client, sd_bus **ret)
{
        _cleanup_bus_ sd_bus *bus = NULL;
        int r = sd_bus_new(&bus);

        if (r >= 0)
                r = sd_bus_set_address(bus, address);
        if (r >= 0)
                r = begin(bus, client);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(bus);
        return 0;
}

int bus_open_fd(int fd_take, bool client, sd_bus **ret, Error *error)
{
        _cleanup_bus_ sd_bus *bus = NULL;
        int r = sd_bus_new(&bus);

        if (r >= 0)
                r = sd_bus_set_fd(bus, fd_take, fd_take);
        if (r < 0)
                (void)close(fd_take); /* nothing was said */
        else
                r = begin(bus, client);
        if (r < 0) {
                (void)error_errno(error, -r, "No answer on a bus");
                return -ENXIO;
        }
        *ret = TAKE_PTR(bus);
        return 0;
}

int bus_open_address(const char *address, bool client, sd_bus **ret, Error *error)
{
        int r = open_address(address, client, ret);

        return r < 0 ? error_errno(error, -r, "Failed to connect to '%s'", address) : 0;
}

int bus_open_system(sd_bus **ret, Error *error)
{
        const char *address = getenv("DBUS_SYSTEM_BUS_ADDRESS") ?: SYSTEM_BUS;
        int r = open_address(address, true, ret);

        if (r < 0) {
                (void)error_errno(error, -r, "The system bus does not answer");
                error_hint(error, "systemctl status dbus.socket dbus.service");
                return -ENXIO;
        }
        return 0;
}

int bus_open_manager(sd_bus **ret, bool *ret_private, Error *error)
{
        int r;

        if (!bus_host_runs_systemd())
                return error_set(error, ENXIO, "This host does not run systemd");
        r = bus_open_system(ret, error);
        if (r >= 0 || geteuid() != 0) {
                if (r >= 0)
                        *ret_private = false;
                return r;
        }
        r = open_address(MANAGER_SOCKET, false, ret);
        if (r < 0)
                return -ENXIO; /* the bus is what is missing */
        error_done(error);
        *ret_private = true;
        return 0;
}

int bus_error_set(Error *error, const sd_bus_error *e, int r, const char *format, ...)
{
        _cleanup_free_ char *what = NULL;
        va_list arguments;
        int number = e && sd_bus_error_is_set(e) ? sd_bus_error_get_errno(e) : -r;

        va_start(arguments, format);
        if (vasprintf(&what, format, arguments) < 0)
                what = NULL;
        va_end(arguments);
        if (number <= 0)
                number = EIO;
        if (e && e->message)
                return error_set(error, number, "%s: %s", what ?: "Call failed", e->message);
        return error_errno(error, number, "%s", what ?: "Call failed");
}
