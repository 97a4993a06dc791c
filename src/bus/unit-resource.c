/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Limits of running units: set by SetUnitProperties(), read as properties of the unit's type. */

#include "bus/unit-control.h"

#include "base/fd.h"
#include "bus/systemd.h"
#include "bus/unit-property.h"
#include "config/resource-parse.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

static int check_version(sd_bus *bus, const ResourceValues *values, Error *error)
{
        unsigned version = 0;

        for (size_t i = 0; i < values->n; i++) {
                const ResourceKey *key = values->items[i].key;
                int r = version == 0 ? systemd_version(bus, &version, error) : 0;

                if (r < 0)
                        return r;
                if (key->since > version)
                        return error_set(error, EOPNOTSUPP,
                                         "%s= needs systemd %u, this host has %u", key->name,
                                         key->since, version);
        }
        return 0;
}

/* systemd adds to the list that it has, until it gets an empty one. */
static int append_value(sd_bus_message *m, const ResourceValue *v)
{
        const ResourceValue none = { .key = v->key, .form = v->form, .number = v->number };
        int r = v->emptied && v->n_items > 0 ? unit_property_append_value(m, &none) : 0;

        return r < 0 ? r : unit_property_append_value(m, v);
}

static int set_now(sd_bus *bus, const char *unit, const ResourceValues *values, Error *error)
{
        _cleanup_bus_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *m = NULL, *reply = NULL;
        int r = sd_bus_message_new_method_call(bus, &m, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
                                               "SetUnitProperties");

        if (r >= 0)
                r = sd_bus_message_append(m, "sb", unit, true);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(sv)");
        for (size_t i = 0; r >= 0 && i < values->n; i++)
                r = append_value(m, &values->items[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0)
                r = sd_bus_call(bus, m, 0, &e, &reply);
        return r < 0 ? bus_error_set(error, &e, r, "Failed to set the limits of %s", unit) : 0;
}

/* systemd forgets such a limit, but leaves the last one in force (systemd#43846): so let it be all
 * there are before it is forgotten. */
static int widen_empty_lists(sd_bus *bus, const char *unit, const ResourceValues *values,
                             Error *error)
{
        _cleanup_resource_values_ ResourceValues all = RESOURCE_VALUES_NULL;

        for (size_t i = 0; i < values->n; i++) {
                const ResourceKey *key = values->items[i].key;
                _cleanup_free_ char *text = NULL;
                int r;

                if (key->type != RESOURCE_CPU_LIST || !key->file || values->items[i].n_bitmap > 0)
                        continue;
                if (read_file_at(AT_FDCWD,
                                 strcmp(key->file, "cpuset.cpus") == 0
                                         ? "/sys/devices/system/cpu/online"
                                         : "/sys/devices/system/node/online",
                                 4096, &text) < 0)
                        continue; /* a kernel without nodes */
                text[strcspn(text, "\n")] = '\0';
                r = resource_values_assign(&all, key->name, text, error);
                if (r < 0)
                        return r;
        }
        return all.n > 0 ? set_now(bus, unit, &all, error) : 0;
}

int systemd_set_resources(sd_bus *bus, const char *unit, const ResourceValues *values, Error *error)
{
        int r = check_version(bus, values, error);

        if (r >= 0)
                r = widen_empty_lists(bus, unit, values, error);
        return r < 0 ? r : set_now(bus, unit, values, error);
}

/* How the value of this key looks when it is read. */
static ResourceForm form_of(const ResourceKey *key)
{
        static const ResourceForm forms[_RESOURCE_TYPE_MAX] = {
                [RESOURCE_BOOLEAN] = RESOURCE_FORM_BOOLEAN,
                [RESOURCE_SIZE] = RESOURCE_FORM_NUMBER,
                [RESOURCE_TASKS] = RESOURCE_FORM_NUMBER,
                [RESOURCE_WEIGHT] = RESOURCE_FORM_NUMBER,
                [RESOURCE_CPU_WEIGHT] = RESOURCE_FORM_NUMBER,
                [RESOURCE_CPU_QUOTA] = RESOURCE_FORM_NUMBER,
                [RESOURCE_TIME] = RESOURCE_FORM_NUMBER,
                [RESOURCE_PERCENT] = RESOURCE_FORM_SCALE,
                [RESOURCE_CPU_LIST] = RESOURCE_FORM_BITMAP,
                [RESOURCE_DEVICE_RATE] = RESOURCE_FORM_DEVICES,
                [RESOURCE_DEVICE_WEIGHT] = RESOURCE_FORM_DEVICES,
                [RESOURCE_DEVICE_TIME] = RESOURCE_FORM_DEVICES,
                [RESOURCE_DEVICE_ALLOW] = RESOURCE_FORM_PAIRS,
                [RESOURCE_CHOICE] = RESOURCE_FORM_STRING,
                [RESOURCE_SLICE] = RESOURCE_FORM_STRING,
                [RESOURCE_CONTROLLERS] = RESOURCE_FORM_STRINGS,
                [RESOURCE_ADDRESSES] = RESOURCE_FORM_ADDRESSES,
                [RESOURCE_PATHS] = RESOURCE_FORM_STRINGS,
                [RESOURCE_BPF_PROGRAM] = RESOURCE_FORM_PAIRS,
                [RESOURCE_SOCKET_BIND] = RESOURCE_FORM_PORTS,
                [RESOURCE_INTERFACES] = RESOURCE_FORM_INTERFACES,
                [RESOURCE_NFT_SET] = RESOURCE_FORM_NFT_SETS,
        };

        return forms[key->type];
}

/* One item of an array; 0 at its end. */
static int read_item(sd_bus_message *m, ResourceValue *v)
{
        const char *name = NULL, *text = NULL;
        uint64_t number = 0;
        int32_t family = 0, protocol = 0;
        uint16_t n_ports = 0, port = 0;
        ResourceItem *item;
        int r = -EINVAL;

        if (v->form == RESOURCE_FORM_STRINGS || v->form == RESOURCE_FORM_INTERFACES)
                r = sd_bus_message_read(m, "s", &name);
        else if (v->form == RESOURCE_FORM_PAIRS)
                r = sd_bus_message_read(m, "(ss)", &name, &text);
        else if (v->form == RESOURCE_FORM_DEVICES)
                r = sd_bus_message_read(m, "(st)", &name, &number);
        else if (v->form == RESOURCE_FORM_PORTS)
                r = sd_bus_message_read(m, "(iiqq)", &family, &protocol, &n_ports, &port);
        else if (v->form == RESOURCE_FORM_NFT_SETS)
                r = sd_bus_message_read(m, "(iiss)", &protocol, &family, &name, &text);
        if (r <= 0)
                return r;
        item = resource_item_add(v, name, text);
        if (!item)
                return -ENOMEM;
        item->number = number;
        item->family = family;
        item->protocol = protocol;
        item->n_ports = n_ports;
        item->port = port;
        return 1;
}

static int read_address(sd_bus_message *m, ResourceValue *v)
{
        const void *bytes = NULL;
        uint32_t prefix = 0;
        int32_t family = 0;
        size_t size = 0;
        ResourceItem *item;
        int r = sd_bus_message_enter_container(m, 'r', "iayu");

        if (r <= 0)
                return r;
        r = sd_bus_message_read(m, "i", &family);
        if (r >= 0)
                r = sd_bus_message_read_array(m, 'y', &bytes, &size);
        if (r >= 0)
                r = sd_bus_message_read(m, "u", &prefix);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;
        item = resource_item_add(v, NULL, NULL);
        if (!item)
                return -ENOMEM;
        item->family = family;
        item->prefix = prefix;
        memcpy(item->address, bytes, MIN_OF(size, sizeof(item->address)));
        return 1;
}

static int read_items(sd_bus_message *m, const char *element, ResourceValue *v)
{
        int r = sd_bus_message_enter_container(m, 'a', element);

        while (r > 0)
                r = v->form == RESOURCE_FORM_ADDRESSES ? read_address(m, v) : read_item(m, v);
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_bitmap(sd_bus_message *m, ResourceValue *v)
{
        const void *bytes = NULL;
        size_t size = 0;
        int r = sd_bus_message_read_array(m, 'y', &bytes, &size);

        if (r < 0 || size == 0)
                return r;
        v->bitmap = malloc(size);
        if (!v->bitmap)
                return -ENOMEM;
        memcpy(v->bitmap, bytes, size);
        v->n_bitmap = size;
        return 0;
}

static int read_interfaces(sd_bus_message *m, ResourceValue *v)
{
        int allow = 0, r = sd_bus_message_enter_container(m, 'r', "bas");

        if (r >= 0)
                r = sd_bus_message_read(m, "b", &allow);
        v->number = (uint64_t)allow;
        if (r >= 0)
                r = read_items(m, "s", v);
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_content(sd_bus_message *m, ResourceValue *v)
{
        const char *text = NULL;
        int truth = 0, r;

        switch (v->form) {
        case RESOURCE_FORM_BOOLEAN:
                r = sd_bus_message_read(m, "b", &truth);
                v->number = (uint64_t)truth;
                return r;
        case RESOURCE_FORM_NUMBER:
                return sd_bus_message_read(m, "t", &v->number);
        case RESOURCE_FORM_SCALE:
                r = sd_bus_message_read(m, "u", &v->scale);
                v->permyriad =
                        (unsigned)(((uint64_t)v->scale * 10000 + UINT32_MAX / 2) / UINT32_MAX);
                return r;
        case RESOURCE_FORM_STRING:
                r = sd_bus_message_read(m, "s", &text);
                v->text = r < 0 ? NULL : strdup(text);
                return r < 0 ? r : v->text ? 0 : -ENOMEM;
        case RESOURCE_FORM_BITMAP:
                return read_bitmap(m, v);
        case RESOURCE_FORM_INTERFACES:
                return read_interfaces(m, v);
        case RESOURCE_FORM_STRINGS:
        case RESOURCE_FORM_PAIRS:
        case RESOURCE_FORM_DEVICES:
        case RESOURCE_FORM_ADDRESSES:
        case RESOURCE_FORM_PORTS:
        case RESOURCE_FORM_NFT_SETS:
                return read_items(m, resource_signature(v) + 1, v);
        case RESOURCE_FORM_NONE:
        case _RESOURCE_FORM_MAX:
                break;
        }
        return -EINVAL;
}

int systemd_get_resource(sd_bus *bus, const char *unit, const ResourceKey *key, ResourceValue *ret,
                         Error *error)
{
        _cleanup_bus_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *m = NULL;
        _cleanup_resource_value_ ResourceValue v = { .key = key, .form = form_of(key) };
        _cleanup_free_ char *path = NULL;
        int r = systemd_unit_path(bus, unit, &path, error);

        if (r < 0)
                return r;
        r = sd_bus_get_property(bus, SYSTEMD_NAME, path, unit_interface(unit),
                                key->property ?: key->name, &e, &m, resource_signature(&v));
        if (r < 0 && sd_bus_error_has_name(&e, SD_BUS_ERROR_UNKNOWN_PROPERTY))
                return -ENODATA;
        if (r >= 0)
                r = read_content(m, &v);
        if (r < 0)
                return bus_error_set(error, &e, r, "Failed to read %s of %s", key->name, unit);
        *ret = v;
        v = RESOURCE_VALUE_NULL;
        return 0;
}
