/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finding and telling apart the inits of trees. Reads the tree through openat2 only; must not know
 * how a machine is supervised. */

#include "boot/init.h"

#include "base/fd.h"
#include "os/path.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

static const char *const places[] = {
        "/usr/lib/systemd/systemd", "/lib/systemd/systemd", "/sbin/init",
        "/init", /* initramfs-like trees */
};

static InitKind kind_from_name(const char *name)
{
        static const struct {
                const char *name;
                InitKind kind;
        } names[] = {
                { "systemd", INIT_SYSTEMD },    { "busybox", INIT_BUSYBOX },
                { "runit-init", INIT_RUNIT },   { "runit", INIT_RUNIT },
                { "openrc-init", INIT_OPENRC }, { "s6-linux-init", INIT_S6 },
                { "s6-svscan", INIT_S6 },
        };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (strcmp(name, names[i].name) == 0)
                        return names[i].kind;
        return INIT_OTHER;
}

/* sysvinit has no telling name, but the path of its control fifo is in its text. */
static InitKind kind_from_content(int root_fd, const char *path)
{
        static const struct {
                const char *text;
                InitKind kind;
        } marks[] = {
                { "/run/initctl", INIT_SYSVINIT },
                { "/dev/initctl", INIT_SYSVINIT },
                { "s6-linux-init", INIT_S6 },
                { "BusyBox v", INIT_BUSYBOX },
        };
        _cleanup_free_ char *data = NULL;
        ssize_t n = path_read(root_fd, path, 4 << 20, &data);

        for (size_t i = 0; n > 0 && i < ELEMENTSOF(marks); i++)
                if (memmem(data, (size_t)n, marks[i].text, strlen(marks[i].text)))
                        return marks[i].kind;
        return INIT_OTHER;
}

static InitKind kind_of(int root_fd, const char *path, int fd)
{
        char target[PATH_MAX];
        ssize_t n = readlink(fd_path(fd).path, target, sizeof(target) - 1);
        InitKind kind = INIT_OTHER;

        if (n > 0) {
                target[n] = '\0';
                kind = kind_from_name(strrchr(target, '/') ? strrchr(target, '/') + 1 : target);
        }
        return kind == INIT_OTHER ? kind_from_content(root_fd, path) : kind;
}

int init_find(int root_fd, const char *directory, InitProgram *ret, Error *error)
{
        for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                _cleanup_close_ int fd = path_open(root_fd, places[i], O_PATH, 0);
                struct stat st;

                if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
                        continue;
                if (fd < 0)
                        return error_errno(error, -fd, "Failed to open '%s%s'", directory,
                                           places[i]);
                if (fstat(fd, &st) < 0)
                        return error_errno(error, errno, "Failed to examine '%s%s'", directory,
                                           places[i]);
                if (!S_ISREG(st.st_mode))
                        continue;
                if ((st.st_mode & 0111) == 0) {
                        error_set(error, EACCES,
                                  "The init '%s' of tree '%s' is not executable (mode %04o)",
                                  places[i], directory, st.st_mode & 07777);
                        error_hint(error, "chmod 0755 %s%s", directory, places[i]);
                        return -EACCES;
                }
                *ret = (InitProgram){ .kind = kind_of(root_fd, places[i], fd), .path = places[i] };
                return 0;
        }
        error_set(error, ENOENT, "Tree '%s' has no init: none of %s, %s, %s and %s is a program",
                  directory, places[0], places[1], places[2], places[3]);
        error_hint(error,
                   "install one (`systemd-sysv`, `sysvinit-core`, `runit-init`), or run a "
                   "single program: stead run %s /bin/sh",
                   directory);
        return -ENOENT;
}

void init_stop_method(InitKind kind, StopMethod *ret_method, int *ret_signal)
{
        *ret_signal = 0;
        *ret_method = STOP_SIGNAL;
        switch (kind) {
        case INIT_SYSTEMD:
                *ret_signal = SIGRTMIN + 3; /* systemd(1): halt.target */
                break;
        case INIT_SYSVINIT:
                *ret_method = STOP_INITCTL;
                break;
        case INIT_OPENRC:
        case INIT_RUNIT:
        case INIT_S6:
                *ret_method = STOP_COMMAND;
                break;
        case INIT_BUSYBOX:
                *ret_signal = SIGUSR2; /* busybox init: power off */
                break;
        case INIT_OTHER:
                *ret_signal = SIGTERM;
                break;
        case INIT_NONE:
        case _INIT_KIND_MAX:
        case _INIT_KIND_INVALID:
                break;
        }
}

void init_reboot_method(InitKind kind, StopMethod *ret_method, int *ret_signal)
{
        init_stop_method(kind, ret_method, ret_signal);
        if (kind == INIT_SYSTEMD)
                *ret_signal = SIGINT; /* ctrl-alt-del.target */
        else if (kind == INIT_BUSYBOX)
                *ret_signal = SIGTERM;
}
