/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One row a property. */

#include "cli/properties.h"

#include "base/buffer.h"
#include "base/nearest.h"
#include "cli/format.h"

#include <string.h>

static json_t *text(const char *s)
{
        return s ? json_string(s) : NULL;
}

static json_t *number(uint64_t n, bool known)
{
        return known ? json_integer((json_int_t)n) : NULL;
}

static json_t *get_name(const Overview *o)
{
        return text(o->name);
}

static json_t *get_state(const Overview *o)
{
        return text(overview_state(o));
}

static json_t *get_status(const Overview *o)
{
        return text(o->machine ? o->machine->status : NULL);
}

static json_t *get_uuid(const Overview *o)
{
        char uuid[37];

        if (!o->machine || id128_is_null(&o->machine->uuid))
                return NULL;
        return text(id128_to_uuid(&o->machine->uuid, uuid));
}

static json_t *get_init(const Overview *o)
{
        return text(o->machine ? init_kind_to_string(o->machine->init) : NULL);
}

static json_t *get_os(const Overview *o)
{
        return text(o->os);
}

static json_t *get_os_id(const Overview *o)
{
        return text(o->os_id);
}

static json_t *get_leader(const Overview *o)
{
        return number(o->machine ? (uint64_t)o->machine->leader : 0, o->machine);
}

static json_t *get_launcher(const Overview *o)
{
        return number(o->machine ? (uint64_t)o->machine->launcher : 0, o->machine);
}

static json_t *get_root(const Overview *o)
{
        return text(o->root);
}

static json_t *get_definition(const Overview *o)
{
        return text(o->definition);
}

static json_t *get_cgroup(const Overview *o)
{
        return text(o->machine ? o->machine->cgroup : NULL);
}

static json_t *get_unit(const Overview *o)
{
        return text(o->machine ? o->machine->unit : NULL);
}

static json_t *get_user_base(const Overview *o)
{
        return number(o->machine ? o->machine->uid_base : 0,
                      o->machine && o->machine->uid_size > 0);
}

static json_t *get_user_size(const Overview *o)
{
        return number(o->machine ? o->machine->uid_size : 0, o->machine);
}

static json_t *get_private_network(const Overview *o)
{
        return o->machine ? json_boolean(o->machine->private_network) : NULL;
}

static json_t *strings(char *const *v, bool known)
{
        json_t *array = known ? json_array() : NULL;

        for (; array && v && *v; v++)
                (void)json_array_append_new(array, json_string(*v));
        return array;
}

static json_t *get_addresses(const Overview *o)
{
        return strings(o->addresses, o->machine);
}

static json_t *get_network(const Overview *o)
{
        return text(o->network);
}

static json_t *get_links(const Overview *o)
{
        return strings(o->links, o->machine);
}

static json_t *get_ports(const Overview *o)
{
        return strings(o->ports, o->machine);
}

static json_t *get_started(const Overview *o)
{
        return number(o->machine ? o->machine->started_usec : 0, o->machine);
}

static json_t *get_ready(const Overview *o)
{
        return number(o->machine ? o->machine->ready_usec : 0,
                      o->machine && o->machine->ready_usec > 0);
}

static json_t *known(uint64_t n)
{
        return number(n, n != USAGE_UNKNOWN);
}

static json_t *percent(double n)
{
        return n < 0 ? NULL : json_real(round_percent(n));
}

static json_t *get_memory(const Overview *o)
{
        return known(o->usage.memory);
}

static json_t *get_memory_max(const Overview *o)
{
        return known(o->usage.memory_max);
}

static json_t *get_swap(const Overview *o)
{
        return known(o->usage.swap);
}

static json_t *get_oom_kills(const Overview *o)
{
        return known(o->usage.oom_kills);
}

static json_t *get_tasks(const Overview *o)
{
        return known(o->usage.tasks);
}

static json_t *get_tasks_max(const Overview *o)
{
        return known(o->usage.tasks_max);
}

static json_t *get_cpu(const Overview *o)
{
        return known(o->usage.cpu_usec);
}

static json_t *get_cpu_percent(const Overview *o)
{
        return percent(o->cpu_percent);
}

static json_t *get_io_read(const Overview *o)
{
        return known(o->usage.io_read);
}

static json_t *get_io_written(const Overview *o)
{
        return known(o->usage.io_written);
}

static json_t *get_cpu_pressure(const Overview *o)
{
        return percent(o->usage.pressure[PRESSURE_CPU].some);
}

static json_t *get_memory_pressure(const Overview *o)
{
        return percent(o->usage.pressure[PRESSURE_MEMORY].some);
}

static json_t *get_io_pressure(const Overview *o)
{
        return percent(o->usage.pressure[PRESSURE_IO].some);
}

static json_t *get_system_state(const Overview *o)
{
        return text(o->health.state);
}

static json_t *get_failed_units(const Overview *o)
{
        return strings(o->health.failed, o->health.state);
}

static json_t *get_no_new_privileges(const Overview *o)
{
        return o->machine ? json_boolean(o->machine->no_new_privileges) : NULL;
}

const Property property_table[] = {
        { "Name", get_name },
        { "State", get_state },
        { "StatusText", get_status },
        { "Id", get_uuid },
        { "Init", get_init },
        { "OS", get_os },
        { "OSId", get_os_id },
        { "Leader", get_leader },
        { "Launcher", get_launcher },
        { "RootDirectory", get_root },
        { "Definition", get_definition },
        { "Unit", get_unit },
        { "ControlGroup", get_cgroup },
        { "UserBase", get_user_base },
        { "UserSize", get_user_size },
        { "NoNewPrivileges", get_no_new_privileges },
        { "PrivateNetwork", get_private_network },
        { "Network", get_network },
        { "Links", get_links },
        { "Addresses", get_addresses },
        { "Ports", get_ports },
        { "StartedUSec", get_started },
        { "ReadyUSec", get_ready },
        { "MemoryCurrent", get_memory },
        { "MemoryMax", get_memory_max },
        { "MemorySwapCurrent", get_swap },
        { "OOMKills", get_oom_kills },
        { "TasksCurrent", get_tasks },
        { "TasksMax", get_tasks_max },
        { "CPUUsageUSec", get_cpu },
        { "CPUPercent", get_cpu_percent },
        { "IOReadBytes", get_io_read },
        { "IOWriteBytes", get_io_written },
        { "CPUPressure", get_cpu_pressure },
        { "MemoryPressure", get_memory_pressure },
        { "IOPressure", get_io_pressure },
        { "SystemState", get_system_state },
        { "FailedUnits", get_failed_units },
};
const size_t property_count = ELEMENTSOF(property_table);

const Property *property_find(const char *key)
{
        for (size_t i = 0; i < property_count; i++)
                if (strcmp(property_table[i].key, key) == 0)
                        return &property_table[i];
        return NULL;
}

const Property *property_nearest(const char *key)
{
        Nearest nearest = NEAREST(key);

        for (size_t i = 0; i < property_count; i++) {
                if (strcasecmp(property_table[i].key, key) == 0)
                        return &property_table[i];
                nearest_offer(&nearest, property_table[i].key);
        }
        return nearest.best ? property_find(nearest.best) : NULL;
}

char *property_to_string(const json_t *value)
{
        _cleanup_buffer_ Buffer b = BUFFER_NULL;
        size_t i;
        const json_t *item;

        if (json_is_string(value))
                buffer_puts(&b, json_string_value(value));
        else if (json_is_integer(value))
                buffer_printf(&b, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        else if (json_is_real(value))
                buffer_printf(&b, "%.2f", json_real_value(value));
        else if (json_is_boolean(value))
                buffer_puts(&b, json_is_true(value) ? "yes" : "no");
        else
                json_array_foreach(value, i, item)
                        buffer_printf(&b, "%s%s", i > 0 ? " " : "", json_string_value(item));
        return buffer_steal(&b);
}

json_t *properties_to_json(const Overview *o)
{
        json_t *object = json_object();

        for (size_t i = 0; i < property_count; i++) {
                json_t *value = property_table[i].get(o);

                if (value && json_object_set_new(object, property_table[i].key, value) < 0) {
                        json_decref(object);
                        return NULL;
                }
        }
        return object;
}
