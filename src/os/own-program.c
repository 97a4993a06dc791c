/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looks around the running program first, so that a build tests itself and not what is installed.
 */

#include "os/own-program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int own_program_open(const char *room, const char *name)
{
        char own[PATH_MAX], path[PATH_MAX + NAME_MAX];
        ssize_t n = readlink("/proc/self/exe", own, sizeof(own) - 1);
        int fd = -EBADF;

        if (n > 0) {
                own[n] = '\0';
                *strrchr(own, '/') = '\0'; /* it is absolute */
                (void)snprintf(path, sizeof(path), "%s/../%s/%s", own, room, name);
                fd = open(path, O_PATH | O_CLOEXEC);
                if (fd < 0) {
                        (void)snprintf(path, sizeof(path), "%s/%s", own, name);
                        fd = open(path, O_PATH | O_CLOEXEC);
                }
        }
        if (fd < 0) {
                (void)snprintf(path, sizeof(path), STEAD_LIBEXECDIR "/%s", name);
                fd = open(path, O_PATH | O_CLOEXEC);
        }
        return fd < 0 ? -errno : fd;
}
