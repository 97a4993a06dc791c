/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* User namespaces and their maps. */

#include "os/userns.h"

#include "base/buffer.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define USERNS_STACK 16384

static int write_map(pid_t pid, const char *file, const IdMap *maps, unsigned n_maps)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        char path[64];

        for (unsigned i = 0; i < n_maps; i++)
                buffer_printf(&text, "%u %u %u\n", maps[i].inside, maps[i].outside, maps[i].count);
        if (buffer_error(&text) < 0 || !text.data)
                return -ENOMEM;
        (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
        return write_file_at(AT_FDCWD, path, text.data);
}

int userns_write_maps(pid_t pid, const IdMap *uid_maps, unsigned n_uid_maps, const IdMap *gid_maps,
                      unsigned n_gid_maps)
{
        int r = write_map(pid, "uid_map", uid_maps, n_uid_maps);

        return r < 0 ? r : write_map(pid, "gid_map", gid_maps, n_gid_maps);
}

bool userns_is_initial(void)
{
        struct stat st;

        /* its inode number is fixed: PROC_USER_INIT_INO of the kernel */
        return stat("/proc/self/ns/user", &st) >= 0 && st.st_ino == 0xEFFFFFFDU;
}

_noreturn_ static int hold_namespace(void *unused)
{
        for (;;)
                (void)pause(); /* until killed */
}

int userns_new_split(const IdMap *uid_maps, unsigned n_uid_maps, const IdMap *gid_maps,
                     unsigned n_gid_maps)
{
        _cleanup_close_ int fd = -EBADF;
        char stack[USERNS_STACK] __attribute__((aligned(16))), path[64];
        pid_t pid;
        int r;

        /* shares our memory, so nothing is copied; it only ever sleeps */
        pid = clone(hold_namespace, stack + sizeof(stack), CLONE_NEWUSER | CLONE_VM | SIGCHLD,
                    NULL);
        if (pid < 0)
                return -errno;

        r = userns_write_maps(pid, uid_maps, n_uid_maps, gid_maps, n_gid_maps);
        if (r >= 0) {
                (void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
                fd = open(path, O_RDONLY | O_CLOEXEC);
                if (fd < 0)
                        r = -errno;
        }
        (void)kill(pid, SIGKILL); /* our own child, not yet reaped: the number is ours */
        (void)waitpid(pid, NULL, 0);
        return r < 0 ? r : TAKE_FD(fd);
}

int userns_new(const IdMap *maps, unsigned n_maps)
{
        return userns_new_split(maps, n_maps, maps, n_maps);
}
