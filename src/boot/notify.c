/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Readiness and status messages. */

#include "boot/notify.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define DATAGRAM_MAX 4096U  /* container-interface CI-173 */
#define DESCRIPTORS_MAX 253 /* SCM_MAX_FD of the kernel */

void payload_news_done(PayloadNews *news)
{
        free(news->status);
        *news = (PayloadNews){};
}

int payload_news_parse(char *text, PayloadNews *ret)
{
        PayloadNews news = {};
        char *line;

        while ((line = strsep(&text, "\n"))) {
                if (strcmp(line, "READY=1") == 0) {
                        news.ready = true;
                } else if (strcmp(line, "STOPPING=1") == 0) {
                        news.stopping = true;
                } else if (strcmp(line, "X_SYSTEMD_SIGNALS_LEVEL=2") == 0) {
                        news.hears_signals = true;
                } else if (strncmp(line, "STATUS=", 7) == 0) {
                        free(news.status);
                        news.status = strdup(line + 7);
                        if (!news.status)
                                return -ENOMEM;
                        /* it goes into terminals and into line-based files */
                        for (unsigned char *p = (unsigned char *)news.status; *p; p++)
                                if (*p < ' ' || *p == 127 ||
                                    (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)) /* UTF-8 of C1 */
                                        *p = '?';
                }
        }
        *ret = news;
        return 0;
}

static pid_t take_control_data(struct msghdr *m)
{
        pid_t sender = 0;

        for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
                if (c->cmsg_level != SOL_SOCKET)
                        continue;
                if (c->cmsg_type == SCM_RIGHTS) {
                        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                        int fds[DESCRIPTORS_MAX];

                        memcpy(fds, CMSG_DATA(c), MIN_OF(n, ELEMENTSOF(fds)) * sizeof(int));
                        for (size_t i = 0; i < MIN_OF(n, ELEMENTSOF(fds)); i++)
                                (void)close(fds[i]); /* we asked for none */
                } else if (c->cmsg_type == SCM_CREDENTIALS) {
                        struct ucred cred;

                        memcpy(&cred, CMSG_DATA(c), sizeof(cred));
                        sender = cred.pid;
                }
        }
        return sender;
}

int notify_receive(int fd, pid_t leader, PayloadNews *ret)
{
        char text[DATAGRAM_MAX + 1];
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(struct ucred)) +
                           CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
        } control;
        struct iovec iov = { .iov_base = text, .iov_len = DATAGRAM_MAX };
        struct msghdr m = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        pid_t sender;

        if (n < 0)
                return errno == EINTR ? 0 : -errno;
        sender = take_control_data(&m);
        if (sender != leader || m.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
                return 0;
        text[n] = '\0';
        return payload_news_parse(text, ret) < 0 ? 0 : 1;
}

/* One datagram, with a descriptor or (-1) without. 1: sent, 0: there is nobody to send it to. */
static int send_to_manager(const char *text, size_t size, int pass_fd)
{
        const char *path = getenv("NOTIFY_SOCKET");
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control = { .header = { .cmsg_len = CMSG_LEN(sizeof(int)),
                                  .cmsg_level = SOL_SOCKET,
                                  .cmsg_type = SCM_RIGHTS } };
        struct iovec iov = { .iov_base = (char *)text, .iov_len = size };
        struct msghdr m = { .msg_name = &address, .msg_iov = &iov, .msg_iovlen = 1 };
        _cleanup_close_ int fd = -EBADF;
        size_t length;

        if (!path || (path[0] != '/' && path[0] != '@'))
                return 0;
        length = strlen(path);
        if (length >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        memcpy(address.sun_path, path, length + 1);
        if (path[0] == '@')
                address.sun_path[0] = '\0';
        m.msg_namelen =
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (path[0] == '/'));
        if (pass_fd >= 0) {
                memcpy(CMSG_DATA(&control.header), &pass_fd, sizeof(pass_fd));
                m.msg_control = &control;
                m.msg_controllen = sizeof(control);
        }
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || sendmsg(fd, &m, MSG_NOSIGNAL) < 0)
                return -errno;
        return 1;
}

int notify_send(const char *format, ...)
{
        _cleanup_free_ char *text = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&text, format, ap);
        va_end(ap);
        if (n < 0) {
                text = NULL;
                return -ENOMEM;
        }
        n = send_to_manager(text, (size_t)n, -EBADF);
        return n < 0 ? n : 0;
}

void notify_wait(int timeout_ms)
{
        static const char barrier[] = "BARRIER=1"; /* sd_notify_barrier(3) */
        struct pollfd p = { .events = 0 };         /* a hang-up is always told */
        int ends[2], r;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return;
        r = send_to_manager(barrier, strlen(barrier), ends[1]);
        (void)close(ends[1]); /* its own copy is closed when it gets there */
        p.fd = ends[0];
        if (r > 0)
                (void)poll(&p, 1, timeout_ms);
        (void)close(ends[0]);
}
