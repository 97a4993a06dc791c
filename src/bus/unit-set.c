/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SetUnitProperties() of org.freedesktop.systemd1(5). */

#include "bus/unit-set.h"

#include "bus/systemd.h"
#include "bus/unit-property.h"

static int append_properties(sd_bus_message *m, char *const *assignments, Error *error)
{
        int r = sd_bus_message_open_container(m, 'a', "(sv)");

        for (char *const *a = assignments; r >= 0 && a && *a; a++)
                r = unit_property_append(m, *a, error);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

int unit_set_properties(sd_bus *bus, const char *unit, char *const *assignments, bool runtime,
                        Error *error)
{
        _cleanup_bus_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *m = NULL;
        int r = sd_bus_message_new_method_call(bus, &m, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
                                               "SetUnitProperties");

        if (r >= 0)
                r = sd_bus_message_append(m, "sb", unit, (int)runtime);
        if (r >= 0)
                r = append_properties(m, assignments, error);
        if (r >= 0)
                r = sd_bus_call(bus, m, 0, &e, NULL);
        return r < 0 ? bus_error_set(error, &e, r, "systemd does not change %s", unit) : 0;
}
