/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The [Resources] of a machine where no systemd does it: written to the cgroup that holds payload,
 * out of the machine's reach, before its first process runs. On a host with systemd they are
 * properties of the unit, and this file has nothing to do. */

#include "boot/boot.h"

#include "base/strv.h"
#include "machine/limits.h"
#include "os/cgroup.h"

#include <fcntl.h>
#include <string.h>

static int parse(char *const *lines, ResourceValues *ret, Error *error)
{
        for (char *const *l = lines; l && *l; l++) {
                _cleanup_free_ char *key = strndup(*l, strcspn(*l, "="));
                const char *value = *l + strcspn(*l, "=");
                int r = key ? resource_values_assign(ret, key, value + (*value == '='), error)
                            : error_set(error, ENOMEM, "Out of memory");

                if (r < 0)
                        return r;
        }
        return 0;
}

/* A file such as memory.max is there only if the parent hands the controller down, and so on
 * upwards: OWN/ and OWN/machine.slice/. A parent with processes of its own refuses, unless it is
 * the root; then the write below says which controller is missing. */
static void hand_down_controllers(const char *cgroup)
{
        _cleanup_free_ char *path = strdup(cgroup);
        char *slice = path ? strrchr(path, '/') : NULL, *own;

        if (!slice)
                return;
        *slice = '\0';
        own = strrchr(path, '/');
        for (int i = 0; i < 2 && own; i++) {
                _cleanup_close_ int fd = -EBADF;

                if (i == 0)
                        *own = '\0';
                else
                        *own = '/';
                fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (fd >= 0)
                        cgroup_enable_controllers(fd);
        }
}

static void print_warnings(const char *machine, const Diagnostics *d)
{
        for (size_t i = 0; i < d->n; i++) {
                fprintf(stderr, "Machine '%s' runs without a limit: %s\n", machine,
                        d->items[i].message);
                if (d->items[i].hint)
                        fprintf(stderr, "  Try: %s\n", d->items[i].hint);
        }
}

int boot_write_limits(Boot *b, Error *error)
{
        _cleanup_resource_values_ ResourceValues values = RESOURCE_VALUES_NULL;
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (b->unit || strv_length(b->plan->resources) == 0)
                return 0;
        r = parse(b->plan->resources, &values, error);
        if (r < 0)
                return error_prefix(error, "[Resources] of machine '%s'", b->plan->machine);
        if (!b->cgroup) {
                fprintf(stderr, "Machine '%s' runs without its limits: it has no cgroup.\n",
                        b->plan->machine);
                return 0;
        }
        if (!b->delegated)
                hand_down_controllers(b->cgroup);
        fd = open(b->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return error_errno(error, errno, "Failed to open '%s'", b->cgroup);
        if (!b->delegated)
                cgroup_enable_controllers(fd); /* the machine has what was handed down just now */
        r = limits_write_all(fd, &values, &diagnostics);
        if (r < 0)
                return error_errno(error, -r, "Failed to set the limits of machine '%s'",
                                   b->plan->machine);
        print_warnings(b->plan->machine, &diagnostics);
        return 0;
}
