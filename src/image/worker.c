/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The process that does the work, and the one that waits for it. They speak through one socket:
 * stages, and at the end an error if there is one. */

#include "image/worker.h"

#include "base/buffer.h"
#include "base/fd.h"
#include "os/binfmt.h"
#include "os/clone.h"
#include "os/mount.h"
#include "os/pidfd.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct WorkerMessage {
        int number; /* 0: a stage; else an error and the last message */
        char text[2048], hint[512];
} WorkerMessage;

struct Worker {
        int socket_fd;
};

static void send_message(const Worker *w, int number, const char *text, const char *hint)
{
        WorkerMessage m = { .number = number };

        (void)snprintf(m.text, sizeof(m.text), "%s", text);
        (void)snprintf(m.hint, sizeof(m.hint), "%s", hint ?: "");
        (void)send(w->socket_fd, &m, sizeof(m), MSG_NOSIGNAL); /* nobody left to tell */
}

void worker_stage(Worker *worker, const char *format, ...)
{
        char text[256];
        va_list ap;

        va_start(ap, format);
        (void)vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        send_message(worker, 0, text, NULL);
}

/* A /proc of our own pid namespace. The handlers of foreign programs are a mount in the old one;
 * who makes trees of other architectures looks there. */
static int mount_proc(void)
{
        _cleanup_close_ int handlers = open(BINFMT_DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct statfs f;

        if (handlers >= 0 && (fstatfs(handlers, &f) < 0 || f.f_type != BINFMTFS_MAGIC))
                closep(&handlers);
        if (handlers >= 0) {
                int fd = mount_clone(handlers, "", false);

                (void)close(handlers);
                handlers = fd;
        }
        if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
                return -errno;
        return handlers >= 0 ? mount_attach(handlers, AT_FDCWD, BINFMT_DIRECTORY) : 0;
}

/* First process of a pid namespace: its end is the end of everything it started. */
static _noreturn_ void child(Worker *worker, WorkerFunction function, void *argument)
{
        _cleanup_error_ Error error = ERROR_NULL;
        int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY), r = 0;
        sigset_t none;

        if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != 0)
                _exit(EXIT_FAILURE); /* another pid namespace: a living parent has number 0 */
        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)umask(022); /* a tree's modes are not the caller's taste */
        (void)setsid();   /* ^C is the parent's business */
        if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 || dup2(null_fd, STDOUT_FILENO) < 0 ||
            mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
                r = -errno;
        if (r >= 0)
                r = mount_proc();
        if (r < 0)
                r = error_errno(&error, -r, "Failed to prepare a private mount namespace");
        if (r >= 0)
                r = function(worker, argument, &error);
        if (r < 0) {
                (void)error_errno(&error, -r, "Failed"); /* if nobody said more */
                send_message(worker, error.number, error.message, error.hint);
        }
        _exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* Returns 1 at the end of the conversation. */
static int on_message(int fd, WorkerProgress progress, void *userdata, Error *error)
{
        WorkerMessage m;
        ssize_t n = recv(fd, &m, sizeof(m), 0);

        if (n < 0)
                return errno == EINTR || errno == EAGAIN ? 0 : -errno;
        if (n == 0)
                return 1;
        if (n != sizeof(m))
                return -EBADMSG;
        m.text[sizeof(m.text) - 1] = m.hint[sizeof(m.hint) - 1] = '\0';
        if (m.number == 0) {
                progress(m.text, userdata);
                return 0;
        }
        if (*m.hint)
                error_hint(error, "%s", m.hint);
        return error_set(error, m.number, "%s", m.text);
}

static int converse(int socket_fd, int signal_fd, WorkerProgress progress, void *userdata,
                    Error *error)
{
        for (;;) {
                struct pollfd fds[2] = {
                        { .fd = socket_fd, .events = POLLIN },
                        { .fd = signal_fd, .events = POLLIN },
                };
                int n = poll(fds, ELEMENTSOF(fds), 1000), r;

                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n == 0)
                        progress(NULL, userdata);
                if (n > 0 && fds[1].revents)
                        return error_set(error, ECANCELED, "Interrupted: nothing was changed");
                if (n <= 0 || !fds[0].revents)
                        continue;
                r = on_message(socket_fd, progress, userdata, error);
                if (r != 0)
                        return r;
        }
}

int worker_run(WorkerFunction function, void *argument, WorkerProgress progress, void *userdata,
               Error *error)
{
        _cleanup_close_ int ours = -EBADF, signal_fd = -EBADF, pid_fd = -EBADF;
        siginfo_t info = {};
        sigset_t signals;
        int pair[2], r;
        pid_t pid;

        (void)sigemptyset(&signals);
        (void)sigaddset(&signals, SIGINT);
        (void)sigaddset(&signals, SIGTERM);
        (void)sigaddset(&signals, SIGHUP);
        (void)sigprocmask(SIG_BLOCK, &signals,
                          NULL); /* until our end: a clean-up must be let finish */
        signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
        if (signal_fd < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return error_errno(error, errno, "Failed to prepare the work");
        ours = pair[0];
        pid = clone_process(CLONE_NEWPID | CLONE_NEWNS, -EBADF, &pid_fd);
        if (pid == 0)
                child(&(Worker){ .socket_fd = pair[1] }, function, argument);
        (void)close(pair[1]);
        if (pid < 0)
                return error_errno(error, -pid, "Failed to start a process of its own");

        r = converse(ours, signal_fd, progress, userdata, error);
        if (r < 0)
                (void)pidfd_signal(pid_fd, SIGKILL); /* and all that it started */
        (void)pidfd_reap(pid_fd, &info);             /* our child: it cannot fail */
        if (r < 0)
                return error_errno(error, -r, "Failed to hear from the working process");
        if (info.si_code != CLD_EXITED || info.si_status != 0)
                return error_set(error, EIO, "The working process ended unexpectedly (signal %d)",
                                 info.si_status);
        return 0;
}

/* What a program last said, for its error. */
typedef struct LastWords {
        char lines[6][400];
        unsigned n;
} LastWords;

static void remember(LastWords *words, const char *line)
{
        (void)snprintf(words->lines[words->n++ % ELEMENTSOF(words->lines)], sizeof(words->lines[0]),
                       "%s", line);
}

static int program_failed(const char *program, const siginfo_t *info, const LastWords *words,
                          Error *error)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        unsigned kept = (unsigned)MIN_OF((size_t)words->n, ELEMENTSOF(words->lines));

        for (unsigned i = words->n - kept; i < words->n; i++)
                buffer_printf(&text, "\n    %s", words->lines[i % ELEMENTSOF(words->lines)]);
        if (text.data && strstr(text.data, "No space left on device"))
                return error_set(error, ENOSPC, "'%s' failed: no space left on the disk%s", program,
                                 text.data);
        if (info->si_code != CLD_EXITED)
                return error_set(error, EIO, "'%s' was ended by signal %d%s", program,
                                 info->si_status, text.data ?: "");
        return error_set(error, EIO, "'%s' failed (status %d)%s", program, info->si_status,
                         text.data ?: "");
}

static _noreturn_ void program_child(char *const *argv, int output)
{
        if (dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0)
                _exit(127);
        (void)setenv("LC_ALL", "C.UTF-8", 1); /* only messages in English can be understood here */
        (void)execvp(argv[0], argv);
        dprintf(STDERR_FILENO, "%s: %m\n", argv[0]);
        _exit(127);
}

int worker_program(Worker *worker, char *const *argv, WorkerLine on_line, Error *error)
{
        _cleanup_close_ int pid_fd = -EBADF;
        _cleanup_fclose_ FILE *f = NULL;
        _cleanup_free_ char *line = NULL;
        LastWords words = { .n = 0 };
        siginfo_t info = {};
        size_t allocated = 0;
        int ends[2], r;
        pid_t pid;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return error_errno(error, errno, "Failed to make a pipe");
        pid = clone_process(0, -EBADF, &pid_fd);
        if (pid == 0)
                program_child(argv, ends[1]);
        (void)close(ends[1]);
        f = fdopen(ends[0], "re");
        if (pid < 0 || !f)
                return error_errno(error, pid < 0 ? -pid : errno, "Failed to run '%s'", argv[0]);
        while (getline(&line, &allocated, f) >= 0) {
                line[strcspn(line, "\n")] = '\0';
                remember(&words, line);
                if (on_line)
                        on_line(worker, line);
        }
        r = pidfd_reap(pid_fd, &info);
        if (r < 0)
                return error_errno(error, -r, "Failed to wait for '%s'", argv[0]);
        if (info.si_code == CLD_EXITED && info.si_status == 127) {
                error_hint(error, "apt-get install %s", argv[0]);
                return error_set(error, ENOENT, "Program '%s' could not be run", argv[0]);
        }
        return info.si_code == CLD_EXITED && info.si_status == 0
                       ? 0
                       : program_failed(argv[0], &info, &words, error);
}
