/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Running a process in a machine in the foreground. */

#include "cli/session.h"

#include "cli/relay.h"
#include "os/pidfd.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

int session_error_status(int r)
{
        return r == -ENOENT   ? EXIT_NOT_FOUND
               : r == -EACCES ? EXIT_NOT_EXECUTABLE
                              : EXIT_CANNOT_ENTER;
}

int session_target(const char *word, char **ret_user, char **ret_name, Error *error)
{
        const char *at = strrchr(word, '@');
        _cleanup_free_ char *user = at ? strndup(word, (size_t)(at - word)) : NULL;
        _cleanup_free_ char *name = strdup(at ? at + 1 : word);

        if (!name || (at && !user))
                return error_set(error, ENOMEM, "Out of memory");
        *ret_user = TAKE_PTR(user);
        *ret_name = TAKE_PTR(name);
        return 0;
}

/* Signals that ask us to end or to act are the command's: it has a session of its own and gets none
 * from our terminal. */
static void forwarded_signals(sigset_t *ret)
{
        static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 };

        (void)sigemptyset(ret);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                (void)sigaddset(ret, signals[i]);
}

static int wait_forwarding(EnteredProcess *p, int signal_fd)
{
        for (;;) {
                struct pollfd fds[2] = {
                        { .fd = p->pid_fd, .events = POLLIN },
                        { .fd = signal_fd, .events = POLLIN },
                };
                struct signalfd_siginfo info;

                if (poll(fds, ELEMENTSOF(fds), -1) < 0 && errno != EINTR)
                        return -errno;
                if (fds[0].revents)
                        return entered_process_wait(p);
                if (fds[1].revents && read(signal_fd, &info, sizeof(info)) == sizeof(info))
                        (void)pidfd_signal(p->pid_fd, (int)info.ssi_signo); /* or it has ended */
        }
}

static int run_piped(const Machine *machine, EnterRequest *request, Error *error)
{
        _cleanup_(entered_process_done) EnteredProcess p = ENTERED_PROCESS_NULL;
        _cleanup_close_ int signal_fd = -EBADF;
        sigset_t signals;
        int r;

        forwarded_signals(&signals);
        (void)sigprocmask(SIG_BLOCK, &signals, NULL);
        signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
        if (signal_fd < 0)
                return error_errno(error, errno, "Failed to wait for signals");
        for (int i = 0; i < 3; i++)
                request->stdio[i] = i;
        r = machine_enter(machine, request, &p, error);
        if (r < 0)
                return r;
        r = wait_forwarding(&p, signal_fd);
        return r < 0 ? error_errno(error, -r, "Failed to wait for the command") : r;
}

static int run_on_pty(const Machine *machine, EnterRequest *request, Error *error)
{
        _cleanup_(entered_process_done) EnteredProcess p = ENTERED_PROCESS_NULL;
        Relay relay = { .end_fd = -EBADF };
        int r;

        for (int i = 0; i < 3; i++)
                request->stdio[i] = -EBADF;
        r = machine_enter(machine, request, &p, error);
        if (r < 0)
                return r;
        relay.peer_fd = p.pty_fd;
        relay.end_fd = p.pid_fd;
        r = relay_run(&relay, error);
        if (r != RELAY_ENDED) {
                /* the terminal goes away: whoever is on it hears SIGHUP */
                closep(&p.pty_fd);
                p.pty_fd = -EBADF;
                (void)pidfd_signal(p.pid_fd, SIGHUP);
                if (pidfd_wait_end(p.pid_fd, 2000) == 0)
                        (void)pidfd_signal(p.pid_fd, SIGKILL);
        }
        if (r == RELAY_SIGNALLED)
                return 128 + relay.signal_number;
        if (r == RELAY_DETACHED)
                fprintf(stderr, "\nLeft machine '%s'.\n", machine->name);
        return r < 0 ? r : entered_process_wait(&p);
}

int session_run(const Machine *machine, EnterRequest *request)
{
        _cleanup_error_ Error error = ERROR_NULL;
        int r = request->pty ? run_on_pty(machine, request, &error)
                             : run_piped(machine, request, &error);

        if (r >= 0)
                return r;
        error_print(&error);
        return session_error_status(r);
}
