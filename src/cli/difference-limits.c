/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Comparing limits with those that hold. Of a key that the definition does not have, a value other
 * than the default is a difference if it was set while the machine ran; what an administrator wrote
 * into files of systemd's is not. */

#include "cli/difference.h"

#include "bus/unit-control.h"
#include "config/resource-format.h"
#include "machine/limits.h"

#include <string.h>

static const char *default_of(const Comparison *c, const ResourceKey *key)
{
        if (key->type == RESOURCE_TASKS)
                return c->place.unit ? LIMIT_UNIT_TASKS_MAX : "infinity";
        return resource_default(key);
}

/* Whether each device that is declared is among those that are allowed: the unit has more. */
static bool includes(const ResourceValue *running, const ResourceValue *declared)
{
        for (size_t i = 0; i < declared->n_items; i++) {
                bool found = false;

                for (size_t k = 0; k < running->n_items && !found; k++)
                        found = strcmp(running->items[k].name, declared->items[i].name) == 0 &&
                                strcmp(running->items[k].text, declared->items[i].text) == 0;
                if (!found)
                        return false;
        }
        return true;
}

/* The declared value once more, in the form in which the one that holds was read. */
static int resolve(const Comparison *c, const ResourceKey *key, ResourceValue *ret)
{
        for (size_t i = 0; i < c->declared.n; i++) {
                const SettingLine *l = &c->declared.items[i];
                int r = strcmp(l->section, "Resources") == 0 && strcmp(l->key, key->name) == 0
                                ? resource_parse(key, l->value, ret, NULL)
                                : 0;

                if (r < 0)
                        return r;
        }
        return limits_resolve(ret, !c->place.unit);
}

static const char *origin_of(const Comparison *c, const ResourceKey *key)
{
        const char *origin = NULL;

        for (size_t i = 0; i < c->declared.n; i++)
                if (strcmp(c->declared.items[i].section, "Resources") == 0 &&
                    strcmp(c->declared.items[i].key, key->name) == 0)
                        origin = c->declared.items[i].origin;
        return origin;
}

/* Whether the machine was started with the key, or was given it by `stead apply`. */
static bool was_declared(const Comparison *c, const ResourceKey *key)
{
        for (size_t i = 0; i < c->running.n; i++)
                if (strcmp(c->running.items[i].section, "Resources") == 0 &&
                    strcmp(c->running.items[i].key, key->name) == 0)
                        return true;
        return false;
}

static bool was_set(const Comparison *c, const ResourceKey *key)
{
        return c->is_service ? unit_has_runtime_value(c->place.unit, key) : !was_declared(c, key);
}

static int add_row(const Comparison *c, const ResourceKey *key, const char *declared,
                   const char *running, OptionApply how, Differences *d)
{
        const char *origin = origin_of(c, key);

        if (!origin && !key->fixed && was_set(c, key))
                origin = "stead set";
        return differences_add(d, &(Difference){ .section = "Resources",
                                                 .key = (char *)key->name,
                                                 .declared = (char *)declared,
                                                 .running = (char *)running,
                                                 .origin = (char *)origin,
                                                 .how = how,
                                                 .resource = key });
}

static int compare_declared(const Comparison *c, const ResourceKey *key,
                            const ResourceValue *running, Differences *d)
{
        _cleanup_resource_value_ ResourceValue v = RESOURCE_VALUE_NULL;
        _cleanup_buffer_ Buffer should = BUFFER_NULL, is = BUFFER_NULL;
        int r = resolve(c, key, &v);

        if (r < 0)
                return r;
        resource_format(&v, &should);
        if (running)
                resource_format(running, &is);
        if (buffer_error(&should) < 0 || buffer_error(&is) < 0)
                return -ENOMEM;
        if (running && (strcmp(should.data ?: "", is.data ?: "") == 0 ||
                        (key->type == RESOURCE_DEVICE_ALLOW && includes(running, &v))))
                return 0;
        return add_row(c, key, should.data ?: "", running ? is.data ?: "" : NULL, OPTION_APPLY_LIVE,
                       d);
}

/* A key that is gone from the definition, and whose default only systemd knows: it goes back to
 * that when it reads its files again. A scope has none. */
static int compare_unknown(const Comparison *c, const ResourceKey *key, const char *is,
                           Differences *d, Error *error)
{
        int r;

        if (!was_declared(c, key))
                return 0;
        r = c->is_service ? comparison_is_loaded(c, error) : 0;
        if (r != 0)
                return r < 0 ? r : 0;
        return add_row(c, key, NULL, is, c->is_service ? OPTION_APPLY_LIVE : OPTION_APPLY_RESTART,
                       d);
}

static int compare_default(const Comparison *c, const ResourceKey *key,
                           const ResourceValue *running, Differences *d, Error *error)
{
        const char *normal = default_of(c, key);
        _cleanup_buffer_ Buffer is = BUFFER_NULL;

        resource_format(running, &is);
        if (buffer_error(&is) < 0)
                return -ENOMEM;
        if (!normal)
                return compare_unknown(c, key, is.data ?: "", d, error);
        if (strcmp(is.data ?: "", normal) == 0 || (!was_declared(c, key) && !was_set(c, key)))
                return 0;
        return add_row(c, key, NULL, is.data ?: "", OPTION_APPLY_LIVE, d);
}

/* Of what cannot change while the machine runs, the property is that of the next start as soon as
 * systemd has read it; what holds is what there was at this one. */
static int compare_fixed(const Comparison *c, const ResourceKey *key, Differences *d)
{
        _cleanup_free_ char *declared = NULL, *running = NULL;
        const char *origin, *was;
        int r = setting_lines_find(&c->declared, "Resources", key->name, &declared, &origin);

        if (r >= 0)
                r = setting_lines_find(&c->running, "Resources", key->name, &running, &was);
        if (r < 0 || strcmp(declared ?: "", running ?: "") == 0)
                return r;
        return add_row(c, key, declared, running, OPTION_APPLY_RESTART, d);
}

static int compare_key(const Comparison *c, const ResourceKey *key, Differences *d, Error *error)
{
        bool declared = resource_values_find(&c->limits, key->name);
        _cleanup_resource_value_ ResourceValue running = RESOURCE_VALUE_NULL;
        int r = limit_place_get(&c->place, key, &running, error);

        if (r < 0 && (r != -ENODATA || !declared))
                return r == -ENODATA ? 0 : r;
        return declared ? compare_declared(c, key, r < 0 ? NULL : &running, d)
                        : compare_default(c, key, &running, d, error);
}

int differences_add_limits(const Comparison *c, Differences *d, Error *error)
{
        bool any = c->place.unit || c->place.cgroup_fd >= 0;

        for (size_t i = 0; any && i < resource_key_count; i++) {
                const ResourceKey *key = &resource_keys[i];
                int r = key->fixed ? compare_fixed(c, key, d) : compare_key(c, key, d, error);

                if (r < 0)
                        return r;
        }
        return 0;
}
