/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Drop-ins that systemd writes for SetUnitProperties() at run time. They outlive the unit and come
 * after those of generators, so a definition that changes later would have no say. */

#include "bus/unit-control.h"

#include "base/fd.h"
#include "base/strv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define CONTROL_DIRECTORY "/run/systemd/system.control"

static bool is_key(const char *line, const ResourceValues *keys)
{
        size_t n = strcspn(line, "=");

        for (size_t i = 0; i < keys->n; i++) {
                const char *name = keys->items[i].key->name;

                if (strlen(name) == n && memcmp(name, line, n) == 0)
                        return true;
        }
        return false;
}

/* Whether the file sets some of @keys and nothing else. */
static bool is_about(const char *text, const ResourceValues *keys)
{
        _cleanup_strv_ char **lines = NULL;
        bool any = false;

        if (strv_split(text, "\n", &lines) < 0)
                return false;
        STRV_FOREACH (l, lines) {
                if (**l == '#' || **l == '[')
                        continue;
                if (!is_key(*l, keys))
                        return false;
                any = true;
        }
        return any;
}

/* Calls @act for each drop-in that is about @keys and nothing else, until it returns not 0. */
static int each_drop_in(const char *unit, const ResourceValues *keys,
                        int (*act)(int directory_fd, const char *name))
{
        _cleanup_free_ char *path = NULL;
        _cleanup_closedir_ DIR *d = NULL;
        int r = 0;

        if (asprintf(&path, CONTROL_DIRECTORY "/%s.d", unit) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        d = opendir(path);
        if (!d)
                return errno == ENOENT ? 0 : -errno;
        for (struct dirent *e; r == 0 && (e = readdir(d));) {
                _cleanup_free_ char *text = NULL;

                if (e->d_name[0] != '.' && read_file_at(dirfd(d), e->d_name, 65536, &text) >= 0 &&
                    is_about(text, keys))
                        r = act(dirfd(d), e->d_name);
        }
        (void)rmdir(path); /* unless there are files in it */
        return r;
}

static int forget(int directory_fd, const char *name)
{
        return unlinkat(directory_fd, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

int unit_forget_resources(const char *unit, const ResourceValues *keys, Error *error)
{
        int r = each_drop_in(unit, keys, forget);

        return r < 0 ? error_errno(error, -r, "Failed to take back what systemd keeps about %s",
                                   unit)
                     : 0;
}

static int found(int directory_fd, const char *name)
{
        return 1;
}

bool unit_has_runtime_value(const char *unit, const ResourceKey *key)
{
        ResourceValue value = { .key = key };

        return each_drop_in(unit, &(ResourceValues){ &value, 1 }, found) > 0;
}
