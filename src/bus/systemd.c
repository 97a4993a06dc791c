/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Units and their properties. */

#include "bus/systemd.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEMPLATE "stead@.service"

static int instance_of(const char *template, const char *name, char **ret)
{
        if (asprintf(ret, "%s@%s.service", template, name) < 0) {
                *ret = NULL;
                return -ENOMEM;
        }
        return 0;
}

int systemd_service_of(const char *name, char **ret)
{
        return instance_of("stead", name, ret);
}

int systemd_pod_service_of(const char *name, char **ret)
{
        return instance_of("stead-pod", name, ret);
}

/* systemd.unit(5), "String escaping for inclusion in unit names". */
int systemd_scope_of(const char *name, char **ret)
{
        _cleanup_free_ char *escaped = malloc(4 * strlen(name) + 1);
        char *p = escaped;

        if (!escaped)
                return -ENOMEM;
        for (const char *c = name; *c; c++)
                if (isalnum((unsigned char)*c) || *c == '_' || *c == ':' ||
                    (*c == '.' && c != name))
                        *p++ = *c;
                else
                        p += sprintf(p, "\\x%02x", (unsigned char)*c);
        *p = '\0';
        if (asprintf(ret, "machine-%s.scope", escaped) < 0) {
                *ret = NULL;
                return -ENOMEM;
        }
        return 0;
}

int systemd_has_template(sd_bus *bus)
{
        _cleanup_bus_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *reply = NULL;
        int r = sd_bus_call_method(bus, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
                                   "GetUnitFileState", &e, &reply, "s", TEMPLATE);

        return r >= 0;
}

int systemd_unit_path(sd_bus *bus, const char *unit, char **ret, Error *error)
{
        _cleanup_bus_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *reply = NULL;
        const char *path;
        int r = sd_bus_call_method(bus, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "LoadUnit", &e,
                                   &reply, "s", unit);

        if (r >= 0)
                r = sd_bus_message_read(reply, "o", &path);
        if (r < 0)
                return bus_error_set(error, &e, r, "Failed to find unit %s", unit);
        *ret = strdup(path);
        return *ret ? 0 : error_set(error, ENOMEM, "Out of memory");
}

int systemd_unit_string(sd_bus *bus, const char *unit, const char *interface, const char *property,
                        char **ret, Error *error)
{
        _cleanup_bus_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *path = NULL;
        int r = systemd_unit_path(bus, unit, &path, error);

        if (r < 0)
                return r;
        r = sd_bus_get_property_string(bus, SYSTEMD_NAME, path, interface, property, &e, ret);
        return r < 0 ? bus_error_set(error, &e, r, "Failed to read %s of %s", property, unit) : 0;
}
