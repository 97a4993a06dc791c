/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Users of the host in the machine: their homes below /run/host/home, their records in
 * /run/host/userdb, where nss-systemd (249+) of the machine looks for them. */

#include "boot/assembly.h"

#include "os/mount.h"
#include "os/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* One file, and a link by which it is found for the id. */
static int write_record(Assembly *a, const BindUser *u, const char *suffix, mode_t mode,
                        const Buffer *content, Error *error)
{
        _cleanup_buffer_ Buffer path = BUFFER_NULL;
        _cleanup_close_ int dir =
                path_open(a->root_fd, "/run/host/userdb", O_PATH | O_DIRECTORY, 0);
        const char *name;
        char link[32];
        int r;

        buffer_printf(&path, "/run/host/userdb/%s.%s", u->name, suffix);
        if (buffer_error(&path) < 0 || buffer_error(content) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        r = assembly_write(a, path.data, mode, content->data, content->size, error);
        if (r < 0)
                return r;
        (void)snprintf(link, sizeof(link), "%u.%s", u->id, suffix);
        name = strrchr(path.data, '/') + 1;
        if (dir < 0 || symlinkat(name, dir, link) < 0)
                return error_errno(error, dir < 0 ? -dir : errno, "Failed to make '%s/%s'",
                                   "/run/host/userdb", link);
        return 0;
}

static int write_records(Assembly *a, const BindUser *u, Error *error)
{
        _cleanup_buffer_ Buffer user = BUFFER_NULL, group = BUFFER_NULL, privileged = BUFFER_NULL;
        int r;

        bind_user_record(u, &user);
        bind_user_group_record(u, &group);
        r = write_record(a, u, "user", 0644, &user, error);
        if (r >= 0)
                r = write_record(a, u, "group", 0644, &group, error);
        if (r >= 0 && bind_user_privileged_record(u, &privileged))
                r = write_record(a, u, "user-privileged", 0600, &privileged, error);
        return r;
}

static int bind_home(Assembly *a, const BindUser *u, Error *error)
{
        _cleanup_buffer_ Buffer path = BUFFER_NULL;
        _cleanup_close_ int fd = mount_clone(AT_FDCWD, u->home, true);
        int r;

        if (fd < 0) {
                error_errno(error, -fd, "Failed to bring in the home directory '%s' of user '%s'",
                            u->home, u->name);
                error_hint(error, "ls -ld %s", u->home);
                return fd;
        }
        r = mount_set_attributes(fd, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, 0, true);
        if (r >= 0)
                r = mount_set_propagation(fd, MS_PRIVATE, true);
        if (r < 0)
                return error_errno(error, -r, "Failed to set up the mount of '%s'", u->home);
        buffer_printf(&path, "/run/host/home/%s", u->name);
        if (buffer_error(&path) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        r = assembly_mkdir(a, path.data, 0755, error);
        return r < 0 ? r : assembly_attach_consume(a, TAKE_FD(fd), path.data, error);
}

int assembly_users(Assembly *a, Error *error)
{
        int r = 0;

        if (a->plan->n_bind_users > 0)
                r = assembly_mkdir(a, "/run/host/userdb", 0755, error);
        for (size_t i = 0; r >= 0 && i < a->plan->n_bind_users; i++) {
                r = bind_home(a, &a->plan->bind_users[i], error);
                if (r >= 0)
                        r = write_records(a, &a->plan->bind_users[i], error);
        }
        return r;
}
