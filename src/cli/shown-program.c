/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One pipe for both outputs, copied to standard error as it comes and remembered line by line. */

#include "cli/shown-program.h"

#include "base/buffer.h"
#include "base/fd.h"
#include "os/clone.h"
#include "os/pidfd.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* So long it may take to end, then once more; then it is killed. */
#define PATIENCE_MS 5000

typedef struct Watch {
        ShownProgram *program;
        int pid_fd, output_fd, signal_fd;
        bool interrupted;
        unsigned n_asked;
} Watch;

static _noreturn_ void child(char *const *argv, int output, pid_t parent)
{
        int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);
        sigset_t none;

        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)setsid(); /* ^C is ours to pass on, once */
        if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) < 0 || getppid() != parent)
                _exit(EXIT_FAILURE);
        if (dup2(null_fd, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
            dup2(output, STDERR_FILENO) < 0)
                _exit(EXIT_FAILURE);
        (void)execvp(argv[0], argv);
        _exit(127);
}

/* The line that is not complete yet is the last one of the ring. */
static void remember(ShownProgram *p, const char *text, size_t size)
{
        for (size_t i = 0; i < size; i++) {
                char *line = p->lines[p->n_lines % SHOWN_LINES];
                size_t n = strlen(line);

                if (text[i] == '\n' || text[i] == '\r') {
                        if (n > 0)
                                p->n_lines++;
                        *p->lines[p->n_lines % SHOWN_LINES] = '\0';
                } else if (n + 1 < sizeof(p->lines[0])) {
                        line[n] = text[i];
                        line[n + 1] = '\0';
                }
        }
}

char *shown_program_last(const ShownProgram *p)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        unsigned first = p->n_lines >= SHOWN_LINES ? p->n_lines - SHOWN_LINES + 1 : 0;

        for (unsigned i = first; i <= p->n_lines; i++)
                if (*p->lines[i % SHOWN_LINES])
                        buffer_printf(&text, "\n    %s", p->lines[i % SHOWN_LINES]);
        return buffer_error(&text) < 0 ? NULL : strdup(text.data ?: "");
}

/* 0 at the end of the output. */
static ssize_t pass_output(Watch *w)
{
        char text[4096];
        ssize_t n = read(w->output_fd, text, sizeof(text));

        if (n < 0)
                return errno == EINTR ? 1 : 0;
        remember(w->program, text, (size_t)n);
        if (!w->program->quiet)
                (void)write_all(STDERR_FILENO, text, (size_t)n); /* nobody may be looking */
        return n;
}

static void ask_to_end(Watch *w)
{
        w->interrupted = true;
        (void)pidfd_signal(w->pid_fd, w->n_asked++ < 2 ? SIGTERM : SIGKILL);
}

/* Until the program has ended: what it started may hold the pipe for longer. */
static int watch(Watch *w)
{
        bool open = true;

        for (;;) {
                struct pollfd fds[3] = {
                        { .fd = w->pid_fd, .events = POLLIN },
                        { .fd = w->interrupted ? -1 : w->signal_fd, .events = POLLIN },
                        { .fd = open ? w->output_fd : -1, .events = POLLIN },
                };
                int n = poll(fds, ELEMENTSOF(fds), w->interrupted ? PATIENCE_MS : -1);

                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n == 0 || (n > 0 && fds[1].revents))
                        ask_to_end(w);
                if (n > 0 && fds[2].revents)
                        open = pass_output(w) > 0;
                else if (n > 0 && fds[0].revents)
                        return 0;
        }
}

static int start(ShownProgram *p, Watch *w)
{
        pid_t pid, parent = getpid();
        sigset_t signals;
        int ends[2];

        (void)sigemptyset(&signals);
        (void)sigaddset(&signals, SIGINT);
        (void)sigaddset(&signals, SIGTERM);
        (void)sigaddset(&signals, SIGHUP);
        (void)sigprocmask(SIG_BLOCK, &signals, NULL); /* a clean-up must be let finish */
        w->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
        if (w->signal_fd < 0 || pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        w->output_fd = ends[0];
        pid = clone_process(0, -EBADF, &w->pid_fd);
        if (pid == 0)
                child(p->argv, ends[1], parent);
        (void)close(ends[1]); /* or the end would never be seen */
        return pid < 0 ? pid : 0;
}

int shown_program_run(ShownProgram *p, Error *error)
{
        _cleanup_close_ int pid_fd = -EBADF, output_fd = -EBADF, signal_fd = -EBADF;
        Watch w = { .program = p, .pid_fd = -EBADF, .output_fd = -EBADF, .signal_fd = -EBADF };
        siginfo_t info = {};
        int r = start(p, &w);

        pid_fd = w.pid_fd;
        output_fd = w.output_fd;
        signal_fd = w.signal_fd;
        if (r >= 0)
                r = watch(&w);
        if (r < 0 && pid_fd >= 0)
                (void)pidfd_signal(pid_fd, SIGKILL);
        if (pid_fd >= 0)
                (void)pidfd_reap(pid_fd, &info); /* our child: it cannot fail */
        if (r < 0)
                return error_errno(error, -r, "Failed to run '%s'", p->argv[0]);
        if (w.interrupted)
                return error_set(error, ECANCELED, "Interrupted: nothing was changed");
        p->status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
        return 0;
}
