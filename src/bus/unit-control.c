/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls of org.freedesktop.systemd1(5), one function each. */

#include "bus/unit-control.h"

#include "base/cleanup.h"
#include "bus/systemd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RELOAD_USEC (90 * USEC_PER_SEC) /* a reload runs all generators of the host */

int unit_active_state(sd_bus *bus, const char *unit, char **ret, Error *error)
{
        return systemd_unit_string(bus, unit, SYSTEMD_UNIT, "ActiveState", ret, error);
}

int unit_has_job(sd_bus *bus, const char *unit, Error *error)
{
        _cleanup_bus_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *m = NULL;
        _cleanup_free_ char *path = NULL;
        uint32_t id = 0;
        int r = systemd_unit_path(bus, unit, &path, error);

        if (r < 0)
                return r;
        r = sd_bus_get_property(bus, SYSTEMD_NAME, path, SYSTEMD_UNIT, "Job", &e, &m, "(uo)");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'r', "uo");
        if (r >= 0)
                r = sd_bus_message_read(m, "u", &id);
        return r < 0 ? bus_error_set(error, &e, r, "Failed to read the job of %s", unit) : id != 0;
}

const char *unit_interface(const char *unit)
{
        const char *dot = strrchr(unit, '.');

        return dot && strcmp(dot, ".scope") == 0 ? SYSTEMD_SCOPE
                                                 : "org.freedesktop.systemd1.Service";
}

int systemd_version(sd_bus *bus, unsigned *ret, Error *error)
{
        _cleanup_bus_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *text = NULL;
        int r = sd_bus_get_property_string(bus, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
                                           "Version", &e, &text);

        if (r < 0)
                return bus_error_set(error, &e, r, "Failed to read the version of systemd");
        *ret = (unsigned)strtoul(text, NULL, 10); /* "252.39-1~deb12u2" */
        return 0;
}

int systemd_loaded_usec(sd_bus *bus, uint64_t *ret, Error *error)
{
        /* the second is 0 until the first reload */
        static const char *const names[] = { "UnitsLoadFinishTimestamp", "UnitsLoadTimestamp" };
        uint64_t latest = 0;

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_bus_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
                uint64_t usec = 0;
                int r = sd_bus_get_property_trivial(bus, SYSTEMD_NAME, SYSTEMD_PATH,
                                                    SYSTEMD_MANAGER, names[i], &e, 't', &usec);

                if (r < 0)
                        return bus_error_set(error, &e, r,
                                             "Failed to read when systemd read its units");
                latest = MAX_OF(latest, usec);
        }
        *ret = latest;
        return 0;
}

int systemd_reload(sd_bus *bus, Error *error)
{
        _cleanup_bus_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *m = NULL, *reply = NULL;
        int r = sd_bus_message_new_method_call(bus, &m, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
                                               "Reload");

        if (r >= 0)
                r = sd_bus_call(bus, m, RELOAD_USEC, &e, &reply);
        return r < 0 ? bus_error_set(error, &e, r, "systemd does not read its units again") : 0;
}

int systemd_enable(sd_bus *bus, const char *unit, bool enable, Error *error)
{
        _cleanup_bus_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *reply = NULL;
        int r = enable ? sd_bus_call_method(bus, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
                                            "EnableUnitFiles", &e, &reply, "asbb", 1, unit, false,
                                            false)
                       : sd_bus_call_method(bus, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
                                            "DisableUnitFiles", &e, &reply, "asb", 1, unit, false);

        if (r >= 0 && enable)
                r = sd_bus_message_skip(reply, "b");
        if (r >= 0)
                r = sd_bus_message_enter_container(reply, 'a', "(sss)");
        if (r >= 0)
                r = sd_bus_message_at_end(reply, false) == 0;
        return r < 0 ? bus_error_set(error, &e, r, "Failed to %s %s", enable ? "enable" : "disable",
                                     unit)
                     : r;
}

int systemd_unit_file_state(sd_bus *bus, const char *unit, char **ret, Error *error)
{
        _cleanup_bus_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *reply = NULL;
        const char *state;
        int r = sd_bus_call_method(bus, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
                                   "GetUnitFileState", &e, &reply, "s", unit);

        if (r >= 0)
                r = sd_bus_message_read(reply, "s", &state);
        if (r < 0)
                return bus_error_set(error, &e, r, "Failed to find the unit file of %s", unit);
        *ret = strdup(state);
        return *ret ? 0 : error_set(error, ENOMEM, "Out of memory");
}

int systemd_kill_unit(sd_bus *bus, const char *unit, int signal, Error *error)
{
        _cleanup_bus_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
        int r = sd_bus_call_method(bus, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "KillUnit", &e,
                                   NULL, "ssi", unit, "all", (int32_t)signal);

        return r < 0 ? bus_error_set(error, &e, r, "Failed to kill %s", unit) : 0;
}

int systemd_reset_failed(sd_bus *bus, const char *unit, Error *error)
{
        _cleanup_bus_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
        int r = sd_bus_call_method(bus, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
                                   "ResetFailedUnit", &e, NULL, "s", unit);

        if (r >= 0 || sd_bus_error_has_name(&e, "org.freedesktop.systemd1.NoSuchUnit"))
                return 0;
        return bus_error_set(error, &e, r, "Failed to reset %s", unit);
}
