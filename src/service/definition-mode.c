/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asks the kernel, as the user that has no rights of its own: access lists and the modes of all
 * directories on the way count as well. */

#include "service/definition-mode.h"

#include "base/cleanup.h"
#include "base/strv.h"
#include "config/definition.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <unistd.h>

#define NOBODY 65534
#define TREES_DIRECTORY "/var/lib/machines"

static const char *const machine_directories[] = { "/etc/stead", "/run/stead", "/usr/lib/stead" };
static const char *const nspawn_directories[] = { "/etc/systemd/nspawn", "/run/systemd/nspawn" };

/* What is not there hides nothing. */
static bool may_open(const char *path, int flags)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags);

        return fd >= 0 || errno == ENOENT || errno == ENOTDIR;
}

static bool may_read_all_in(const char *directory)
{
        _cleanup_closedir_ DIR *d = opendir(directory);

        if (!d)
                return errno == ENOENT || errno == ENOTDIR;
        for (struct dirent *e; (e = readdir(d));) {
                _cleanup_free_ char *path = NULL;

                if (e->d_name[0] == '.')
                        continue;
                if (asprintf(&path, "%s/%s", directory, e->d_name) < 0) {
                        path = NULL;
                        return false;
                }
                if (!may_open(path, 0))
                        return false;
        }
        return true;
}

static bool may_read(const char *directory, const char *format_suffix, const char *name, bool all)
{
        _cleanup_free_ char *path = NULL;

        if (asprintf(&path, "%s/%s%s", directory, name, format_suffix) < 0) {
                path = NULL;
                return false;
        }
        return all ? may_read_all_in(path) : may_open(path, 0);
}

static bool may_read_definition(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(machine_directories); i++)
                if (!may_open(machine_directories[i], O_DIRECTORY) ||
                    !may_read(machine_directories[i], ".machine", name, false) ||
                    !may_read(machine_directories[i], ".machine.d", name, true) ||
                    !may_read(machine_directories[i], ".d", "machine", true))
                        return false;
        for (size_t i = 0; i < ELEMENTSOF(nspawn_directories); i++)
                if (!may_read(nspawn_directories[i], ".nspawn", name, false))
                        return false;
        return true;
}

static bool may_read_all_definitions(void)
{
        _cleanup_strv_ char **names = NULL;

        for (size_t i = 0; i < ELEMENTSOF(machine_directories); i++)
                if (!may_open(machine_directories[i], O_DIRECTORY))
                        return false;
        if (definition_list("", &names) < 0)
                return false;
        STRV_FOREACH (n, names)
                if (!may_read_definition(*n))
                        return false;
        return true;
}

/* What lies beside a tree is read where there is no definition. Whether it is there only root sees:
 * the directory is nobody else's. */
static bool is_beside_the_tree(const char *name)
{
        _cleanup_free_ char *path = NULL;

        if (asprintf(&path, TREES_DIRECTORY "/%s.nspawn", name) < 0) {
                path = NULL;
                return true;
        }
        return access(path, F_OK) >= 0;
}

bool definition_is_public(const char *name)
{
        bool beside = name && is_beside_the_tree(name), public;

        /* of this thread, for file systems only; the capabilities over files go and come with it */
        (void)setfsgid(NOBODY);
        (void)setfsuid(NOBODY);
        public = name ? may_read_definition(name) : may_read_all_definitions();
        if (public && beside)
        public = may_read(TREES_DIRECTORY, ".nspawn", name, false);
        (void)setfsuid(0);
        (void)setfsgid(0);
        return public;
}
