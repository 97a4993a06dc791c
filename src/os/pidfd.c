/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Process descriptors. */

#include "os/pidfd.h"

#include <errno.h>
#include <poll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

int pidfd_open_process(pid_t pid)
{
        int fd = pidfd_open(pid, 0);

        return fd < 0 ? -errno : fd;
}

int pidfd_signal(int pid_fd, int signal)
{
        return pidfd_send_signal(pid_fd, signal, NULL, 0) < 0 ? -errno : 0;
}

int pidfd_wait_end(int pid_fd, int timeout_ms)
{
        struct pollfd p = { .fd = pid_fd, .events = POLLIN };
        int r;

        do
                r = poll(&p, 1, timeout_ms);
        while (r < 0 && errno == EINTR);
        return r < 0 ? -errno : r > 0;
}

bool pidfd_is_alive(int pid_fd)
{
        return pidfd_wait_end(pid_fd, 0) == 0;
}

int pidfd_reap(int pid_fd, siginfo_t *ret)
{
        int r;

        do
                r = waitid(P_PIDFD, (id_t)pid_fd, ret, WEXITED);
        while (r < 0 && errno == EINTR);
        return r < 0 ? -errno : 0;
}
