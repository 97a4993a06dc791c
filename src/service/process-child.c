/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs as root in the host's namespaces with all of its privileges; nothing of the bus is open.
 * What it starts dies with it. */

#include "service/process-child.h"

#include "machine/enter.h"
#include "machine/session.h"
#include "os/pidfd.h"
#include "service/child.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* After child_clean_up(). */
#define FD_SOCKET 3
#define FD_STDIO 4

#define SETTLE_MS 2000
#define VERDICT_MS 100

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

static int enter(const Machine *machine, const ProcessRequest *request, EnteredProcess *p,
                 Error *error)
{
        EnterRequest enter = {
                .argv = request->argv,
                .environment = request->environment,
                .user = request->user,
                .directory = request->directory,
                .login_shell = request->login_shell,
                .pty = request->pty,
                .stdio = { FD_STDIO, FD_STDIO + 1, FD_STDIO + 2 },
        };

        if (request->pty)
                enter.stdio[0] = enter.stdio[1] = enter.stdio[2] = -EBADF;
        return machine_enter(machine, &enter, p, error);
}

/* Until the terminal is in use: what is typed before that is lost, since it is still being set up.
 * And what systemd could not do before the program it only tells by a status of its own, a moment
 * after it has said that it runs. -EAGAIN: it runs; else the status of what has ended. */
static int settle(const Machine *machine, const SessionLogin *login, MachineSession *session,
                  Error *error)
{
        struct pollfd fds[] = {
                { .fd = session->pty_fd, .events = POLLIN },
                { .fd = session->errand.pid_fd, .events = POLLIN },
        };
        int r;

        (void)poll(fds, ELEMENTSOF(fds), SETTLE_MS);
        /* systemd itself may have written or hung up, and its verdict be on the way */
        if (pidfd_wait_end(fds[1].fd, fds[0].revents == POLLHUP ? SETTLE_MS : VERDICT_MS) == 0)
                return -EAGAIN;
        r = machine_session_wait(session, error);
        if (r >= 0 && machine_session_explain(machine, login, r, error) < 0)
                return error->number == ESRCH ? -ESRCH : -EPROTO;
        return r;
}

static _noreturn_ void fail(int number, const Error *error)
{
        ProcessMessage m = { .type = PROCESS_FAILED, .number = number };

        (void)snprintf(m.text, sizeof(m.text), "%s", error->message ?: strerror(number));
        (void)snprintf(m.hint, sizeof(m.hint), "%s", error->hint ?: "");
        send_message(&m, NULL, 0);
        _exit(EXIT_FAILURE);
}

static _noreturn_ void ended(int status)
{
        ProcessMessage m = { .type = PROCESS_EXITED, .number = status < 0 ? 255 : status };

        send_message(&m, NULL, 0);
        _exit(EXIT_SUCCESS);
}

/* Returns only if the machine has no sessions. */
static void run_session(const Machine *machine, const ProcessRequest *request)
{
        const SessionLogin login = { .getty = !request->login_shell,
                                     .user = request->user,
                                     .environment = request->environment };
        MachineSession session = MACHINE_SESSION_NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        ProcessMessage m = { .type = PROCESS_STARTED };
        int r = machine_session_begin(machine, &login, &session, &error);

        if (r == -ENXIO)
                return;
        if (r >= 0)
                r = settle(machine, &login, &session, &error);
        if (r < 0 && r != -EAGAIN)
                fail(-r, &error);
        send_message(&m, (int[]){ session.errand.pid_fd, session.pty_fd }, 2);
        closep(&session.pty_fd);
        session.pty_fd = -EBADF;
        ended(r == -EAGAIN ? machine_session_wait(&session, NULL) : r);
}

_noreturn_ void process_child(const ProcessRequest *request, int socket_fd)
{
        int fds[] = { socket_fd, request->stdio[0], request->stdio[1], request->stdio[2] };
        _cleanup_machine_ Machine *machine = NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        EnteredProcess p = ENTERED_PROCESS_NULL;
        ProcessMessage m = { .type = PROCESS_STARTED };
        int r;

        child_clean_up(fds, request->pty ? 1 : ELEMENTSOF(fds));
        r = machine_open(request->machine, &machine, &error);
        if (r >= 0 && request->session)
                run_session(machine, request);
        if (r >= 0)
                r = enter(machine, request, &p, &error);
        if (r < 0)
                fail(-r, &error);
        m.pid = p.pid;
        send_message(&m, (int[]){ p.pid_fd, p.pty_fd }, request->pty ? 2 : 1);
        /* who reads or writes on the other ends must see the process end, not us */
        closep(&p.pty_fd);
        p.pty_fd = -EBADF;
        for (int i = 0; i < 3 && !request->pty; i++)
                (void)close(FD_STDIO + i);
        r = entered_process_wait(&p);
        entered_process_done(&p);
        ended(r);
}
