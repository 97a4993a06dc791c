/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Limits as declared. A service has them from the generator's drop-in: what was set over it is
 * dropped, and systemd reads it all again. A scope and a cgroup are told each value. */

#include "cli/apply.h"

#include "base/strv.h"
#include "bus/unit-control.h"
#include "config/resource-format.h"

#include <string.h>

static bool is_limit(const Difference *d)
{
        return d->resource && d->how == OPTION_APPLY_LIVE;
}

static bool is_systemds(const Difference *d)
{
        return !d->resource && !d->option;
}

static int read_again(const Comparison *c, const Differences *d, Error *error)
{
        _cleanup_free_ ResourceValue *keys = calloc(d->n, sizeof(ResourceValue));
        size_t n = 0;
        int r;

        if (!keys)
                return error_set(error, ENOMEM, "Out of memory");
        for (size_t i = 0; i < d->n; i++)
                if (d->items[i].resource)
                        keys[n++].key = d->items[i].resource;
        r = unit_forget_resources(c->place.unit, &(ResourceValues){ keys, n }, error);
        return r < 0 ? r : systemd_reload(c->place.bus, error);
}

static int assign_declared(const Comparison *c, const ResourceKey *key, ResourceValues *v,
                           Error *error)
{
        bool any = false;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < c->declared.n; i++) {
                const SettingLine *l = &c->declared.items[i];

                if (strcmp(l->section, "Resources") != 0 || strcmp(l->key, key->name) != 0)
                        continue;
                any = true;
                r = resource_values_assign(v, key->name, l->value, error);
        }
        if (any || r < 0)
                return r;
        return resource_values_assign(
                v, key->name,
                key->type == RESOURCE_TASKS && c->place.unit ? LIMIT_UNIT_TASKS_MAX : "", error);
}

/* On the bus a list is added to, so it is emptied first. Not that of devices: there are more in it
 * than the definition's. */
static int set_each(const Comparison *c, const Differences *d, Error *error)
{
        _cleanup_resource_values_ ResourceValues reset = RESOURCE_VALUES_NULL,
                                                 set = RESOURCE_VALUES_NULL;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < d->n; i++) {
                const ResourceKey *key = d->items[i].resource;

                if (!is_limit(&d->items[i]))
                        continue;
                if (c->place.unit && key->list && key->type != RESOURCE_DEVICE_ALLOW)
                        r = resource_values_assign(&reset, key->name, "", error);
                if (r >= 0)
                        r = assign_declared(c, key, &set, error);
        }
        if (r >= 0 && reset.n > 0)
                r = limit_place_set(&c->place, &reset, error);
        if (r >= 0 && set.n > 0)
                r = limit_place_set(&c->place, &set, error);
        return r;
}

/* Something else has the last word, such as a drop-in in /etc/systemd/system.control. */
static int check(const Comparison *c, Error *error)
{
        _cleanup_differences_ Differences left = DIFFERENCES_NULL;
        int r = differences_add_limits(c, &left, error);

        for (size_t i = 0; r >= 0 && i < left.n; i++) {
                const Difference *d = &left.items[i];

                if (!is_limit(d))
                        continue;
                error_hint(error, "systemctl cat %s", c->place.unit ?: "");
                return error_set(error, EBUSY, "%s= of machine '%s' stays at '%s'", d->key, c->name,
                                 d->running ?: "");
        }
        return r;
}

int apply_limits(Comparison *c, const Differences *d, Error *error)
{
        bool limits = false, others = false;
        int r = 0;

        for (size_t i = 0; i < d->n; i++) {
                limits |= d->items[i].resource != NULL;
                others |= is_systemds(&d->items[i]);
        }
        if (c->is_service && (limits || others))
                r = read_again(c, d, error);
        else if (limits)
                r = set_each(c, d, error);
        if (r >= 0 && limits)
                r = check(c, error);
        for (size_t i = 0; r >= 0 && i < d->n; i++)
                if (is_limit(&d->items[i]) || is_systemds(&d->items[i]))
                        r = setting_lines_replace(&c->running, &c->declared, d->items[i].section,
                                                  d->items[i].key);
        return r < 0 ? error_errno(error, -r, "Failed to set the limits of machine '%s'", c->name)
                     : 0;
}
