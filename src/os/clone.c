/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starting a process in new namespaces and a cgroup with one call. */

#include "os/clone.h"

#include "base/cleanup.h"
#include "os/cgroup.h"

#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* Without clone3(): the child waits on a pipe until the parent has moved it into the cgroup. */
static pid_t clone_and_move(uint64_t flags, int cgroup_fd, int *ret_pid_fd)
{
        int gate[2], pid_fd = -EBADF, r = 0;
        char byte = 0;
        pid_t pid;

        if (pipe(gate) < 0)
                return -errno;
        pid = (pid_t)syscall(SYS_clone, (unsigned long)flags | CLONE_PIDFD | SIGCHLD, NULL, &pid_fd,
                             NULL, 0UL);
        if (pid < 0)
                r = -errno;
        if (pid == 0) {
                (void)close(gate[1]);
                if (read(gate[0], &byte, 1) != 1)
                        _exit(EXIT_FAILURE); /* the parent could not move us, or is gone */
                (void)close(gate[0]);
                return 0;
        }
        if (pid > 0 && cgroup_fd >= 0)
                r = cgroup_attach(cgroup_fd, pid);
        if (r >= 0 && write(gate[1], &byte, 1) != 1)
                r = -errno;
        (void)close(gate[0]);
        (void)close(gate[1]);
        if (r < 0) {
                if (pid > 0)
                        (void)waitpid(pid, NULL, 0); /* it leaves at end of file */
                if (pid_fd >= 0)
                        (void)close(pid_fd);
                return r;
        }
        *ret_pid_fd = pid_fd;
        return pid;
}

pid_t clone_process(uint64_t flags, int cgroup_fd, int *ret_pid_fd)
{
        int pid_fd = -EBADF;
        struct clone_args args = {
                .flags = flags | CLONE_PIDFD | (cgroup_fd >= 0 ? CLONE_INTO_CGROUP : 0),
                .pidfd = (uint64_t)(uintptr_t)&pid_fd,
                .exit_signal = SIGCHLD,
                .cgroup = cgroup_fd >= 0 ? (uint64_t)cgroup_fd : 0,
        };
        long pid = syscall(SYS_clone3, &args, sizeof(args));

        if (pid < 0 && errno == ENOSYS)
                return clone_and_move(flags, cgroup_fd, ret_pid_fd);
        if (pid < 0)
                return -errno;
        if (pid > 0)
                *ret_pid_fd = pid_fd;
        return (pid_t)pid;
}
