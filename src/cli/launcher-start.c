/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A launcher in the background: readiness by its notification socket, failure by its standard
 * error, which goes to a file so that it also outlives us. */

#include "base/fd.h"
#include "base/parse.h"
#include "base/strv.h"
#include "cli/launcher.h"
#include "os/pidfd.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#define LOG_DIRECTORY "/run/stead/log"

void launcher_start_done(LauncherStart *s)
{
        if (s->socket_path)
                (void)unlink(s->socket_path);
        closep(&s->pid_fd);
        closep(&s->notify_fd);
        free(s->name);
        free(s->socket_path);
        free(s->log_path);
        *s = LAUNCHER_START_NULL;
}

/* The last `stop` may remove the directory between our making and our using it. */
static int bind_in_directory(int fd, const struct sockaddr_un *address)
{
        int r;

        for (unsigned i = 0; i < 16; i++) {
                r = mkdir_parents_at(AT_FDCWD, LOG_DIRECTORY, 0755);
                if (r < 0)
                        return r;
                if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) >= 0)
                        return 0;
                r = -errno;
                if (r != -ENOENT)
                        break;
        }
        return r;
}

static int open_notify_socket(LauncherStart *s, Error *error)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int r;

        if (asprintf(&s->socket_path, LOG_DIRECTORY "/.%s.%d", s->name, (int)getpid()) < 0) {
                s->socket_path = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        if (strlen(s->socket_path) >= sizeof(address.sun_path))
                return error_errno(error, ENAMETOOLONG, "Failed to use socket '%s'",
                                   s->socket_path);
        memcpy(address.sun_path, s->socket_path, strlen(s->socket_path) + 1);
        (void)unlink(s->socket_path); /* of a killed process with our number */
        s->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        r = s->notify_fd < 0 ? -errno : bind_in_directory(s->notify_fd, &address);
        /* only root may speak: whoever could write here could also start machines */
        if (r >= 0 && chmod(s->socket_path, 0600) < 0)
                r = -errno;
        return r < 0 ? error_errno(error, -r, "Failed to listen on '%s'", s->socket_path) : 0;
}

/* Only what the launcher reads itself: a machine must not depend on who typed `start`. */
static int make_environment(const LauncherStart *s, char ***ret)
{
        static const char *const kept[] = { "PATH", "LANG", "TMPDIR" };
        _cleanup_strv_ char **environment = NULL;
        int r = strv_pushf(&environment, "NOTIFY_SOCKET=%s", s->socket_path);

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(kept); i++)
                if (getenv(kept[i]))
                        r = strv_pushf(&environment, "%s=%s", kept[i], getenv(kept[i]));
        for (char **e = environ; r >= 0 && *e; e++)
                if (strncmp(*e, "SYSTEMD_", 8) == 0 || strncmp(*e, "STEAD_", 6) == 0)
                        r = strv_push(&environment, *e);
        if (r >= 0)
                *ret = TAKE_PTR(environment);
        return r;
}

static _noreturn_ void child(const char *program, char **argv, char **environment, int log_fd)
{
        int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);
        sigset_t none;

        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)setsid(); /* a fresh fork is no group leader */
        if (dup2(null_fd, 0) < 0 || dup2(null_fd, 1) < 0 || dup2(log_fd, 2) < 0)
                _exit(EXIT_FAILURE);
        (void)execve(program, argv, environment);
        dprintf(2, "Failed to run '%s': %m\n", program);
        _exit(EXIT_FAILURE);
}

static int spawn(LauncherStart *s, char *const *options, Error *error)
{
        _cleanup_strv_ char **argv = NULL, **environment = NULL;
        _cleanup_free_ char *program = NULL;
        _cleanup_close_ int log_fd = -EBADF;
        int r = launcher_find(&program, error);
        pid_t pid;

        if (r < 0)
                return r;
        r = strv_push(&argv, "stead-launch");
        if (r >= 0)
                r = strv_push(&argv, "--console=passive");
        if (r >= 0)
                r = strv_push(&argv, "--quiet");
        if (r >= 0)
                r = strv_extend(&argv, options);
        if (r >= 0)
                r = strv_pushf(&argv, "--machine=%s", s->name);
        if (r >= 0)
                r = make_environment(s, &environment);
        if (r < 0)
                return error_errno(error, -r, "Failed to prepare '%s'", program);
        log_fd = open(s->log_path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
                      0600);
        if (log_fd < 0)
                return error_errno(error, errno, "Failed to create '%s'", s->log_path);
        pid = fork();
        if (pid < 0)
                return error_errno(error, errno, "Failed to start '%s'", program);
        if (pid == 0)
                child(program, argv, environment, log_fd);
        s->pid_fd = pidfd_open_process(pid);
        return s->pid_fd < 0 ? error_errno(error, -s->pid_fd, "Failed to hold '%s'", program) : 0;
}

int launcher_start(const char *name, char *const *options, LauncherStart *ret, Error *error)
{
        _cleanup_(launcher_start_done) LauncherStart s = LAUNCHER_START_NULL;
        int r;

        s.name = strdup(name);
        if (!s.name || asprintf(&s.log_path, LOG_DIRECTORY "/%s", name) < 0) {
                s.log_path = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        r = open_notify_socket(&s, error);
        if (r >= 0)
                r = spawn(&s, options, error);
        if (r < 0)
                return r;
        *ret = s;
        s = LAUNCHER_START_NULL;
        return 0;
}

/* Reads one datagram: 1 if it says READY=1, 0 if not, -EAGAIN when there is none. */
static int read_notification(int fd)
{
        char text[4096];
        ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_TRUNC);

        if (n < 0)
                return -errno;
        if (n >= (ssize_t)sizeof(text))
                return 0; /* longer than any that we wait for */
        text[n] = '\0';
        return strncmp(text, "READY=1", 7) == 0 || strstr(text, "\nREADY=1");
}

void launcher_forget(const char *name, bool also_words)
{
        _cleanup_free_ char *path = NULL;
        struct stat st;

        if (asprintf(&path, LOG_DIRECTORY "/%s", name) < 0) {
                path = NULL;
                return;
        }
        if (also_words || (lstat(path, &st) >= 0 && st.st_size == 0))
                (void)unlink(path); /* not there is what is wanted */
        (void)rmdir(LOG_DIRECTORY); /* unless other machines have files in it */
}

int launcher_last_words(const char *name, Error *error, const char *format, ...)
{
        _cleanup_free_ char *path = NULL, *text = NULL, *what = NULL;
        char *line, *hint;
        va_list ap;
        ssize_t n;

        va_start(ap, format);
        if (vasprintf(&what, format, ap) < 0)
                what = NULL;
        va_end(ap);
        if (asprintf(&path, LOG_DIRECTORY "/%s", name) < 0)
                path = NULL;
        n = path ? read_file_at(AT_FDCWD, path, 65536, &text) : -ENOMEM;
        if (n <= 0) {
                error_hint(error, "stead logs %s", name);
                return error_set(error, EIO, "%s", what ?: "Failed");
        }
        hint = strstr(text, "\n  Try: ");
        if (hint) {
                *hint = '\0';
                hint += strlen("\n  Try: ");
                hint[strcspn(hint, "\n")] = '\0';
                error_hint(error, "%s", hint);
        }
        text[strlen(text) - (text[strlen(text) - 1] == '\n')] = '\0';
        line = strncmp(text, "stead-launch: ", 14) == 0 ? text + 14 : text;
        return error_set(error, EIO, "%s: %s", what ?: "Failed", line);
}

/* The launcher has ended before the machine was ready: what it said is the error. */
static int launcher_failed(LauncherStart *s, Error *error)
{
        siginfo_t info = {};

        (void)pidfd_reap(s->pid_fd, &info); /* it has ended */
        if (info.si_code == CLD_EXITED && info.si_status == 0)
                return launcher_last_words(s->name, error, "Machine '%s' ended before it was ready",
                                           s->name);
        return launcher_last_words(s->name, error, "Machine '%s' did not start", s->name);
}

static int64_t now_ms(void)
{
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail */
        return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int launcher_start_wait(LauncherStart *s, uint64_t timeout_usec, Error *error)
{
        int64_t end =
                timeout_usec == USEC_INFINITY ? -1 : now_ms() + (int64_t)(timeout_usec / 1000);

        for (;;) {
                struct pollfd fds[2] = {
                        { .fd = s->notify_fd, .events = POLLIN },
                        { .fd = s->pid_fd, .events = POLLIN },
                };
                int64_t left = end < 0 ? -1 : MAX_OF(end - now_ms(), (int64_t)0);
                int n = poll(fds, ELEMENTSOF(fds), (int)MIN_OF(left, (int64_t)INT32_MAX));

                if (n < 0 && errno != EINTR)
                        return error_errno(error, errno, "Failed to wait for '%s'", s->name);
                if (n > 0 && fds[0].revents && read_notification(s->notify_fd) > 0)
                        return 0;
                if (n > 0 && fds[1].revents && !fds[0].revents)
                        return launcher_failed(s, error);
                if (n == 0) {
                        error_hint(error, "stead logs %s", s->name);
                        return error_set(error, ETIMEDOUT,
                                         "Machine '%s' was started but is not ready yet", s->name);
                }
        }
}
