/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two ways to do the same: SetUnitProperties, and writing to cgroupfs. */

#include "cli/limit-place.h"

#include "base/parse.h"
#include "bus/unit-control.h"
#include "machine/limits.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

void limit_place_done(LimitPlace *p)
{
        free(p->unit);
        sd_bus_flush_close_unref(p->bus);
        closep(&p->cgroup_fd);
        *p = LIMIT_PLACE_NULL;
}

int limit_place_open(const Machine *m, LimitPlace *ret, Error *error)
{
        _cleanup_limit_place_ LimitPlace p = LIMIT_PLACE_NULL;
        bool private;
        int r;

        if (m->cgroup) {
                _cleanup_free_ char *path =
                        strndup(m->cgroup, (size_t)(strrchr(m->cgroup, '/') - m->cgroup));

                if (!path)
                        return error_set(error, ENOMEM, "Out of memory");
                p.cgroup_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (p.cgroup_fd < 0)
                        return error_errno(error, errno, "Failed to open '%s'", path);
        }
        if (m->unit) {
                p.unit = strdup(m->unit);
                r = p.unit ? bus_open_manager(&p.bus, &private, error)
                           : error_set(error, ENOMEM, "Out of memory");
                if (r < 0)
                        return r;
        } else if (!m->cgroup) {
                return error_set(error, EOPNOTSUPP,
                                 "Machine '%s' has neither a unit nor a cgroup of its own that "
                                 "could be limited",
                                 m->name);
        }
        *ret = p;
        p = LIMIT_PLACE_NULL;
        return 0;
}

static int read_all(const LimitPlace *p, const ResourceValues *values, ResourceValue *ret,
                    Error *error)
{
        for (size_t i = 0; i < values->n; i++) {
                const ResourceKey *key = values->items[i].key;
                int r;

                if (!key->file)
                        return error_set(error, EOPNOTSUPP, "%s= needs systemd on the host",
                                         key->name);
                r = limits_read(p->cgroup_fd, key, &ret[i], error);
                if (r == -ENODATA) /* the write tells why */
                        r = limits_write(p->cgroup_fd, &values->items[i], error);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Puts back the first @n. */
static void take_back(const LimitPlace *p, const ResourceValue *old, size_t n)
{
        while (n-- > 0)
                (void)limits_write(p->cgroup_fd, &old[n], NULL); /* it was so a moment ago */
}

static int write_all_values(const LimitPlace *p, const ResourceValues *values, Error *error)
{
        ResourceValue *old = calloc(values->n, sizeof(ResourceValue));
        int r = old ? read_all(p, values, old, error) : error_set(error, ENOMEM, "Out of memory");

        for (size_t i = 0; r >= 0 && i < values->n; i++) {
                r = limits_write(p->cgroup_fd, &values->items[i], error);
                if (r < 0)
                        take_back(p, old, i);
        }
        for (size_t i = 0; old && i < values->n; i++)
                resource_value_done(&old[i]);
        free(old);
        return r;
}

int limit_place_set(const LimitPlace *p, const ResourceValues *values, Error *error)
{
        return p->unit ? systemd_set_resources(p->bus, p->unit, values, error)
                       : write_all_values(p, values, error);
}

int limit_place_get(const LimitPlace *p, const ResourceKey *key, ResourceValue *ret, Error *error)
{
        return p->unit ? systemd_get_resource(p->bus, p->unit, key, ret, error)
                       : limits_read(p->cgroup_fd, key, ret, error);
}

bool limit_place_has_effect(const LimitPlace *p, const ResourceKey *key)
{
        return p->cgroup_fd < 0 || !key->file || faccessat(p->cgroup_fd, key->file, F_OK, 0) >= 0;
}
