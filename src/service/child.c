/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fork(), two pipes, an end. */

#include "service/child.h"

#include "base/buffer.h"
#include "base/parse.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEAD STEAD_BINDIR "/stead"
/* Calls that are kept may hold 16 descriptors each (dbus-daemon's max_message_unix_fds), and 256
 * are (quota.c). */
#define FILES_MAX 16384
#define FILES_USUAL 1024 /* the kernel's INR_OPEN_CUR, and systemd's for services */

typedef struct Stream {
        int fd;
        size_t maximum;
        bool cut;
        Buffer text;
        sd_event_source *source;
} Stream;

struct Child {
        ChildHandler handler;
        void *userdata;
        Stream output, errors;
        sd_event_source *end, *deadline;
        bool timed_out;
};

static void stream_done(Stream *s)
{
        sd_event_source_disable_unref(s->source);
        closep(&s->fd);
        buffer_done(&s->text);
}

Child *child_free(Child *c)
{
        if (!c)
                return NULL;
        stream_done(&c->output);
        stream_done(&c->errors);
        sd_event_source_disable_unref(c->deadline);
        sd_event_source_disable_unref(c->end);
        free(c);
        return NULL;
}

/* Whether there may be more. */
static bool stream_read(Stream *s)
{
        char data[4096];
        ssize_t n = read(s->fd, data, sizeof(data));
        size_t room = s->maximum - s->text.size;

        if (n <= 0)
                return n < 0 && errno == EINTR;
        if ((size_t)n > room) {
                s->cut = true;
                n = (ssize_t)room;
        }
        buffer_append(&s->text, data, (size_t)n);
        return true;
}

static int on_stream(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        Stream *s = userdata;

        if (!stream_read(s))
                (void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
        return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
        Child *c = userdata;

        c->timed_out = true;
        (void)child_signal(c, SIGKILL); /* or it has ended by itself */
        return 0;
}

static int on_end(sd_event_source *source, const siginfo_t *info, void *userdata)
{
        Child *c = userdata;
        ChildEnd end;

        while (stream_read(&c->output))
                ;
        while (stream_read(&c->errors))
                ;
        end = (ChildEnd){
                .status = info->si_code == CLD_EXITED ? info->si_status : 128 + info->si_status,
                .timed_out = c->timed_out,
                .output_cut = c->output.cut || c->output.text.failed,
                .output = c->output.text.data ?: "",
                .errors = c->errors.text.data ?: "",
        };
        c->end = sd_event_source_disable_unref(c->end);
        c->handler(c, &end, c->userdata);
        return 0;
}

int child_signal(Child *c, int signal)
{
        return c->end ? sd_event_source_send_child_signal(c->end, signal, NULL, 0) : -ESRCH;
}

static void set_file_limit(rlim_t files)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return;
        limit.rlim_cur = MIN_OF(files, limit.rlim_max);
        (void)setrlimit(RLIMIT_NOFILE, &limit); /* then the old one has to do */
}

void child_raise_file_limit(void)
{
        set_file_limit(FILES_MAX);
}

void child_clean_up(const int *fds, size_t n_fds)
{
        int high[8], null_fd = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);
        unsigned next = 3;
        sigset_t none;

        for (int s = 1; s <= SIGRTMAX; s++)
                if (s != SIGKILL && s != SIGSTOP)
                        (void)signal(s, SIG_DFL); /* the two of libc itself cannot be set */
        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        set_file_limit(FILES_USUAL);
        /* first out of the way of each other */
        for (size_t i = 0; i < n_fds && i < ELEMENTSOF(high); i++) {
                high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 16);
                if (high[i] < 0)
                        _exit(EXIT_FAILURE);
        }
        if (dup2(null_fd, 0) < 0 || dup2(null_fd, 1) < 0)
                _exit(EXIT_FAILURE);
        for (size_t i = 0; i < n_fds && i < ELEMENTSOF(high); i++)
                if (dup3(high[i], (int)next++, O_CLOEXEC) < 0)
                        _exit(EXIT_FAILURE);
        /* above all the bus: while a copy of its socket is open, our name stays taken */
        (void)close_range(next, ~0U, 0);
}

/* A program of ours depends on nobody's environment. */
static _noreturn_ void run_program(char *const *argv)
{
        static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        static char language[] = "LANG=C.UTF-8";
        char *environment[] = { path, language, NULL };

        (void)chdir("/"); /* always there */
        (void)execve(STEAD, argv, environment);
        dprintf(2, "Failed to run '" STEAD "': %m\n");
        _exit(127);
}

typedef struct Work {
        char *const *argv; /* or */
        ChildFunction function;
        const void *argument;
} Work;

static _noreturn_ void child(const Work *work, int output_fd, int errors_fd)
{
        int fds[] = { output_fd, errors_fd };

        child_clean_up(fds, ELEMENTSOF(fds));
        if (dup2(3, 1) < 0 || dup2(4, 2) < 0)
                _exit(EXIT_FAILURE);
        (void)close_range(3, ~0U, 0);
        if (work->argv)
                run_program(work->argv);
        _exit(work->function(work->argument));
}

static int stream_init(Stream *s, size_t maximum, int *ret_write_fd)
{
        int ends[2];

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        *ret_write_fd = ends[1];
        *s = (Stream){ .fd = ends[0], .maximum = maximum, .text = BUFFER_NULL };
        return fcntl(s->fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int watch(Child *c, sd_event *event, pid_t pid, uint64_t timeout_usec)
{
        int r = sd_event_add_child(event, &c->end, pid, WEXITED, on_end, c);

        if (r >= 0)
                r = sd_event_add_io(event, &c->output.source, c->output.fd, EPOLLIN, on_stream,
                                    &c->output);
        if (r >= 0)
                r = sd_event_add_io(event, &c->errors.source, c->errors.fd, EPOLLIN, on_stream,
                                    &c->errors);
        if (r >= 0 && timeout_usec != USEC_INFINITY)
                r = sd_event_add_time_relative(event, &c->deadline, CLOCK_MONOTONIC, timeout_usec,
                                               0, on_deadline, c);
        return r;
}

static int run(sd_event *event, const Work *work, uint64_t timeout_usec, ChildHandler handler,
               void *userdata, Child **ret, Error *error)
{
        _cleanup_child_ Child *c = calloc(1, sizeof(Child));
        _cleanup_close_ int output_fd = -EBADF, errors_fd = -EBADF;
        pid_t pid;
        int r;

        if (!c)
                return error_set(error, ENOMEM, "Out of memory");
        c->output.fd = c->errors.fd = -EBADF;
        c->handler = handler;
        c->userdata = userdata;
        r = stream_init(&c->output, CHILD_OUTPUT_MAX, &output_fd);
        if (r >= 0)
                r = stream_init(&c->errors, CHILD_ERRORS_MAX, &errors_fd);
        if (r < 0)
                return error_errno(error, -r, "Failed to make a pipe");
        pid = fork();
        if (pid < 0)
                return error_errno(error, errno, "Failed to start a process");
        if (pid == 0)
                child(work, output_fd, errors_fd);
        r = watch(c, event, pid, timeout_usec);
        if (r < 0) {
                (void)kill(pid, SIGKILL); /* ours and not reaped */
                if (!c->end)
                        (void)waitpid(pid, NULL, 0);
                return error_errno(error, -r, "Failed to watch a process");
        }
        *ret = TAKE_PTR(c);
        return 0;
}

int child_run_program(sd_event *event, char *const *argv, uint64_t timeout_usec,
                      ChildHandler handler, void *userdata, Child **ret, Error *error)
{
        return run(event, &(Work){ .argv = argv }, timeout_usec, handler, userdata, ret, error);
}

int child_run_function(sd_event *event, ChildFunction function, const void *argument,
                       uint64_t timeout_usec, ChildHandler handler, void *userdata, Child **ret,
                       Error *error)
{
        return run(event, &(Work){ .function = function, .argument = argument }, timeout_usec,
                   handler, userdata, ret, error);
}

int child_error(const ChildEnd *end, int number, Error *error)
{
        _cleanup_free_ char *text = strdup(end->errors);
        char *line = text, *hint, *prefix;

        if (end->timed_out)
                return error_set(error, ETIMEDOUT, "It took too long");
        if (!text || !*text)
                return error_set(error, number, "It ended with status %d and said nothing",
                                 end->status);
        text[strlen(text) - (text[strlen(text) - 1] == '\n')] = '\0';
        hint = strstr(text, "\n  Try: ");
        if (hint) {
                *hint = '\0';
                hint += strlen("\n  Try: ");
                hint[strcspn(hint, "\n")] = '\0';
        }
        /* "stead: ", "stead-launch: " */
        prefix = strstr(line, ": ");
        if (strncmp(line, "stead", 5) == 0 && prefix && (size_t)(prefix - line) < 16 &&
            !memchr(line, ' ', (size_t)(prefix - line)))
                line = prefix + 2;
        if (hint)
                error_hint(error, "%s", hint);
        return error_set(error, number, "%s", line);
}
