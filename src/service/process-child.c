/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs as root in the host's namespaces with all of its privileges; nothing of the bus is open.
 * What it starts dies with it. */

#include "service/process-child.h"

#include "machine/enter.h"
#include "service/child.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* After child_clean_up(). */
#define FD_SOCKET 3
#define FD_STDIO 4

static void send_message(const ProcessMessage *m, const int *fds, size_t n_fds)
{
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(2 * sizeof(int))];
        } control = {};
        struct iovec data = { .iov_base = (void *)m, .iov_len = sizeof(*m) };
        struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1 };

        if (n_fds > 0) {
                message.msg_control = &control;
                message.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
                control.header = (struct cmsghdr){
                        .cmsg_level = SOL_SOCKET,
                        .cmsg_type = SCM_RIGHTS,
                        .cmsg_len = CMSG_LEN(n_fds * sizeof(int)),
                };
                memcpy(CMSG_DATA(&control.header), fds, n_fds * sizeof(int));
        }
        /* without the service there is nobody to tell, and the process is looked after all the same
         */
        (void)sendmsg(FD_SOCKET, &message, MSG_NOSIGNAL);
}

static int enter(const ProcessRequest *request, EnteredProcess *p, Error *error)
{
        _cleanup_machine_ Machine *machine = NULL;
        EnterRequest enter = {
                .argv = request->argv,
                .environment = request->environment,
                .user = request->user,
                .directory = request->directory,
                .login_shell = request->login_shell,
                .pty = request->pty,
                .stdio = { FD_STDIO, FD_STDIO + 1, FD_STDIO + 2 },
        };
        int r = machine_open(request->machine, &machine, error);

        if (request->pty)
                enter.stdio[0] = enter.stdio[1] = enter.stdio[2] = -EBADF;
        return r < 0 ? r : machine_enter(machine, &enter, p, error);
}

_noreturn_ void process_child(const ProcessRequest *request, int socket_fd)
{
        int fds[] = { socket_fd, request->stdio[0], request->stdio[1], request->stdio[2] };
        _cleanup_error_ Error error = ERROR_NULL;
        EnteredProcess p = ENTERED_PROCESS_NULL;
        ProcessMessage m = { .type = PROCESS_STARTED };
        int r;

        child_clean_up(fds, request->pty ? 1 : ELEMENTSOF(fds));
        r = enter(request, &p, &error);
        if (r < 0) {
                m.type = PROCESS_FAILED;
                m.number = -r;
                (void)snprintf(m.text, sizeof(m.text), "%s", error.message ?: strerror(-r));
                (void)snprintf(m.hint, sizeof(m.hint), "%s", error.hint ?: "");
                send_message(&m, NULL, 0);
                _exit(EXIT_FAILURE);
        }
        m.pid = p.pid;
        send_message(&m, (int[]){ p.pid_fd, p.pty_fd }, request->pty ? 2 : 1);
        /* who reads or writes on the other ends must see the process end, not us */
        closep(&p.pty_fd);
        p.pty_fd = -EBADF;
        for (int i = 0; i < 3 && !request->pty; i++)
                (void)close(FD_STDIO + i);
        r = entered_process_wait(&p);
        entered_process_done(&p);
        m = (ProcessMessage){ .type = PROCESS_EXITED, .number = r < 0 ? 255 : r };
        send_message(&m, NULL, 0);
        _exit(EXIT_SUCCESS);
}
