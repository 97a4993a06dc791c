/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looking through the links that `systemctl enable` makes. An Alias= in the template would make one
 * more, but `systemctl disable` leaves an alias of an instance behind. */

#include "generator/enabled.h"

#include "base/strv.h"
#include "config/definition.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static bool ends_with(const char *s, const char *suffix)
{
        size_t n = strlen(s), m = strlen(suffix);

        return n > m && strcmp(s + n - m, suffix) == 0;
}

static bool is_folder_of_links(const char *name)
{
        return ends_with(name, ".wants") || ends_with(name, ".requires") ||
               ends_with(name, ".upholds");
}

/* "stead@web.service": appends "web". */
static int add_name(const char *link, char ***names)
{
        static const char prefix[] = "stead@", suffix[] = ".service";
        size_t p = sizeof(prefix) - 1, q = sizeof(suffix) - 1;
        _cleanup_free_ char *name = NULL;

        if (strncmp(link, prefix, p) != 0 || !ends_with(link + p, suffix))
                return 0;
        name = strndup(link + p, strlen(link) - p - q);
        if (!name)
                return -ENOMEM;
        if (!machine_name_is_valid(name) || strv_contains(*names, name))
                return 0;
        return strv_push(names, name);
}

static DIR *open_directory(int parent, const char *path)
{
        int fd = openat(parent, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *d = fd < 0 ? NULL : fdopendir(fd);

        if (!d && fd >= 0)
                (void)close(fd);
        return d;
}

/* What cannot be read has no links; systemd would not see them either. */
static int scan(const char *path, char ***names)
{
        _cleanup_closedir_ DIR *d = open_directory(AT_FDCWD, path);
        int r = 0;

        for (struct dirent *e; d && (e = readdir(d));) {
                _cleanup_closedir_ DIR *links =
                        is_folder_of_links(e->d_name) ? open_directory(dirfd(d), e->d_name) : NULL;

                for (struct dirent *l; r >= 0 && links && (l = readdir(links));)
                        r = add_name(l->d_name, names);
        }
        return r;
}

int enabled_list(const char *root, char ***ret)
{
        static const char *const places[] = { "/etc/systemd/system", "/run/systemd/system" };
        _cleanup_strv_ char **names = NULL;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(places); i++) {
                _cleanup_free_ char *path = NULL;

                if (asprintf(&path, "%s%s", root, places[i]) < 0) {
                        path = NULL;
                        return -ENOMEM;
                }
                r = scan(path, &names);
        }
        if (r < 0)
                return r;
        strv_sort(names);
        *ret = TAKE_PTR(names);
        return 0;
}
