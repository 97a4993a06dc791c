/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead-trace: becomes a command whose calls somebody outside looks at (`stead build elf
 * --verify`). Runs inside the machine, whose tree may hold nothing that it could be linked with, so
 * it is static. Installs a filter that asks before each of the calls CALLS, hands the listener over
 * by the socket that it got as descriptor 3, and becomes COMMAND. It decides nothing. */

#include "base/cleanup.h"
#include "os/seccomp.h"

#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define SOCKET_FD 3 /* the first of $LISTEN_FDS */

/* An errno, or 0 with the listener. */
static int tell(int status, int fd)
{
        union {
                struct cmsghdr head;
                char space[CMSG_SPACE(sizeof(int))];
        } control = {};
        struct iovec text = { &status, sizeof(status) };
        struct msghdr message = { .msg_iov = &text, .msg_iovlen = 1 };

        if (fd >= 0) {
                message.msg_control = &control;
                message.msg_controllen = sizeof(control);
                control.head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
                                                 .cmsg_level = SOL_SOCKET,
                                                 .cmsg_type = SCM_RIGHTS };
                memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
        }
        return sendmsg(SOCKET_FD, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int main(int argc, char **argv)
{
        const char *name;
        int fd;

        if (argc < 3)
                return EXIT_FAILURE; /* not for people */
        (void)unsetenv("LISTEN_FDS");
        (void)unsetenv("LISTEN_PID");
        (void)unsetenv("LISTEN_FDNAMES");
        name = strrchr(argv[2], '/');
        (void)prctl(PR_SET_NAME, name ? name + 1 : argv[2]); /* for the report */
        fd = seccomp_listen(argv[1]);
        if (tell(fd < 0 ? -fd : 0, fd) < 0 || fd < 0)
                return EXIT_FAILURE;
        (void)fcntl(SOCKET_FD, F_SETFD, FD_CLOEXEC);
        (void)close(fd);
        (void)execvp(argv[2], argv + 2);
        (void)tell(errno, -EBADF); /* what could not be run is in the report as well */
        return 127;
}
