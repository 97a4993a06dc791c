/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loop devices, and those of the device mapper for images that are checked by verity. The launcher
 * keeps them from the machine itself. */

#include "generator/disk-image.h"

#include "base/strv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUFFIX ".raw"

static int add(const char *file, char ***names)
{
        size_t n = strlen(file), m = strlen(SUFFIX);
        _cleanup_free_ char *name = NULL;

        if (n <= m || strcmp(file + n - m, SUFFIX) != 0)
                return 0;
        name = strndup(file, n - m);
        if (!name)
                return -ENOMEM;
        return machine_name_is_valid(name) ? strv_push(names, name) : 0;
}

int disk_image_list(const char *root, char ***ret)
{
        _cleanup_strv_ char **names = NULL;
        _cleanup_closedir_ DIR *d = NULL;
        _cleanup_free_ char *path = NULL;
        int r = 0;

        if (asprintf(&path, "%s/var/lib/machines", root) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        d = opendir(path); /* not there yet: no images */
        for (struct dirent *e; r >= 0 && d && (e = readdir(d));)
                r = add(e->d_name, &names);
        if (r < 0)
                return r;
        strv_sort(names);
        *ret = TAKE_PTR(names);
        return 0;
}

bool disk_image_is_root(const Source *s, char *const *images)
{
        if (!s->settings || s->pod)
                return false;
        if (s->settings->image)
                return true;
        return !s->settings->directory && !s->settings->layers && !s->settings->template_path &&
               strv_contains(images, s->definition->name);
}

void disk_image_put_devices(Buffer *out)
{
        buffer_puts(out, "DeviceAllow=/dev/loop-control rw\n"
                         "DeviceAllow=block-loop rw\n"
                         "DeviceAllow=/dev/mapper/control rw\n"
                         "DeviceAllow=block-device-mapper rw\n");
}
