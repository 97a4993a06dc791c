/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Connecting to a machine's console socket. */

#include "machine/control.h"

#include "machine/machine.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

int control_connect(const char *name, int *ret_fd, Error *error)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_free_ char *path = machine_path(name, "console");
        _cleanup_close_ int fd = -EBADF;

        if (!path)
                return error_set(error, ENOMEM, "Out of memory");
        if (strlen(path) >= sizeof(address.sun_path))
                return error_errno(error, ENAMETOOLONG, "Failed to use socket '%s'", path);
        memcpy(address.sun_path, path, strlen(path) + 1);
        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return error_errno(error, errno, "Failed to make a socket");
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
                if (errno != ENOENT && errno != ECONNREFUSED)
                        return error_errno(error, errno, "Failed to connect to '%s'", path);
                error_hint(error, "stead shell %s", name);
                return error_set(error, ENXIO, "Machine '%s' does not run or has no console", name);
        }
        *ret_fd = TAKE_FD(fd);
        return 0;
}

int control_listen(int directory_fd, int *ret_fd, Error *error)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = -EBADF;

        (void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/console",
                       directory_fd);
        if (unlinkat(directory_fd, "console", 0) < 0 && errno != ENOENT) /* of a killed run */
                return error_errno(error, errno, "Failed to remove an old console socket");
        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
            fchmodat(directory_fd, "console", 0600, 0) < 0 || listen(fd, 16) < 0)
                return error_errno(error, errno, "Failed to make the console socket");
        *ret_fd = TAKE_FD(fd);
        return 0;
}
