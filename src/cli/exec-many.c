/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parallel exec: pipes from every machine, one loop, one table. */

#include "cli/exec-many.h"

#include "base/buffer.h"
#include "base/fd.h"
#include "base/strv.h"
#include "cli/session.h"
#include "cli/table.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
        STREAM_OUT,
        STREAM_ERR,
        _STREAM_MAX,
};

typedef struct Stream {
        int fd;
        Buffer text; /* a line that is not complete; with JSON all of it */
} Stream;

typedef struct Job {
        const char *name;
        EnteredProcess process;
        Stream streams[_STREAM_MAX];
        int status;
        char *error; /* it was never started */
} Job;

static void job_done(Job *job)
{
        entered_process_done(&job->process);
        for (int i = 0; i < _STREAM_MAX; i++) {
                closep(&job->streams[i].fd);
                buffer_done(&job->streams[i].text);
        }
        free(job->error);
}

static int enter(Job *job, EnterRequest *request, int null_fd, Error *error)
{
        _cleanup_close_ int out = -EBADF, err = -EBADF;
        _cleanup_machine_ Machine *m = NULL;
        int pipes[_STREAM_MAX][2], r;

        r = machine_open(job->name, &m, error);
        if (r < 0)
                return r;
        for (int i = 0; i < _STREAM_MAX; i++) {
                if (pipe2(pipes[i], O_CLOEXEC) < 0)
                        return error_errno(error, errno, "Failed to make a pipe");
                job->streams[i].fd = pipes[i][0];
                *(i == STREAM_OUT ? &out : &err) = pipes[i][1];
        }
        request->stdio[0] = null_fd;
        request->stdio[1] = out;
        request->stdio[2] = err;
        return machine_enter(m, request, &job->process, error);
}

static void job_start(Job *job, EnterRequest *request, int null_fd, bool json)
{
        _cleanup_error_ Error error = ERROR_NULL;
        int r = enter(job, request, null_fd, &error);

        if (r >= 0)
                return;
        job->status = session_error_status(r);
        job->error = TAKE_PTR(error.message);
        if (!json)
                fprintf(stderr, "%s: %s\n", job->name, job->error ?: "Failed");
        for (int i = 0; i < _STREAM_MAX; i++) {
                closep(&job->streams[i].fd);
                job->streams[i].fd = -EBADF;
        }
}

/* Prints the complete lines of a stream, or all of it at its end. */
static void print_lines(const Job *job, int which, Stream *s, bool all)
{
        FILE *f = which == STREAM_OUT ? stdout : stderr;
        char *line = s->text.data, *end;

        while (line && (end = memchr(line, '\n', s->text.size - (size_t)(line - s->text.data)))) {
                fprintf(f, "%s: %.*s\n", job->name, (int)(end - line), line);
                line = end + 1;
        }
        if (line && all && *line)
                fprintf(f, "%s: %s\n", job->name, line);
        if (line && !all && line > s->text.data) {
                Buffer rest = BUFFER_NULL;

                buffer_puts(&rest, line);
                buffer_done(&s->text);
                s->text = rest;
        }
}

static void read_stream(Job *job, int which, bool json)
{
        Stream *s = &job->streams[which];
        char data[16384];
        ssize_t n = read(s->fd, data, sizeof(data));

        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return;
        if (n > 0)
                buffer_append(&s->text, data, (size_t)n);
        if (!json)
                print_lines(job, which, s, n <= 0);
        if (n <= 0) {
                closep(&s->fd);
                s->fd = -EBADF;
        }
}

/* Waits for all output and all ends. A job is over when its process is, even if something that it
 * left behind holds the pipes: what is in them is read, no more is waited for. */
static int run_all(Job *jobs, size_t n, bool json)
{
        struct pollfd *fds = calloc(n, 3 * sizeof(struct pollfd));
        size_t left = 0;

        if (!fds)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                left += jobs[i].process.pid_fd >= 0;
        while (left > 0) {
                for (size_t i = 0; i < n; i++) {
                        fds[3 * i] = (struct pollfd){ jobs[i].streams[0].fd, POLLIN, 0 };
                        fds[3 * i + 1] = (struct pollfd){ jobs[i].streams[1].fd, POLLIN, 0 };
                        fds[3 * i + 2] = (struct pollfd){ jobs[i].process.pid_fd, POLLIN, 0 };
                }
                if (poll(fds, 3 * n, -1) < 0 && errno != EINTR)
                        break;
                for (size_t i = 0; i < n; i++) {
                        bool quiet = true;

                        for (int s = 0; s < _STREAM_MAX; s++)
                                if (fds[3 * i + (size_t)s].revents) {
                                        read_stream(&jobs[i], s, json);
                                        quiet = false;
                                }
                        if (!quiet || !fds[3 * i + 2].revents)
                                continue;
                        jobs[i].status = entered_process_wait(&jobs[i].process);
                        entered_process_done(&jobs[i].process);
                        left--;
                }
        }
        for (size_t i = 0; i < n && !json; i++)
                for (int s = 0; s < _STREAM_MAX; s++)
                        if (jobs[i].streams[s].fd >= 0)
                                print_lines(&jobs[i], s, &jobs[i].streams[s], true);
        free(fds);
        return 0;
}

static json_t *stream_json(const Stream *s)
{
        /* output that is no text has no place in JSON; what is text before it has */
        return json_string(s->text.data ?: "") ?: json_string("(not UTF-8)");
}

static int report(const Job *jobs, size_t n, bool json)
{
        static const Column columns[] = {
                { "NAME", "name", false }, { "EXIT", "exit_status", true },
                { NULL, "error", false },  { NULL, "stdout", false },
                { NULL, "stderr", false },
        };
        /* with text the output stands above already */
        _cleanup_table_ Table *t = table_new(columns, ELEMENTSOF(columns));

        for (size_t i = 0; i < n; i++) {
                char text[16];

                (void)snprintf(text, sizeof(text), "%d", jobs[i].status);
                table_add(t, jobs[i].name, NULL);
                table_add(t, text, json_integer(jobs[i].status));
                table_add(t, jobs[i].error, NULL);
                table_add(t, NULL, stream_json(&jobs[i].streams[STREAM_OUT]));
                table_add(t, NULL, stream_json(&jobs[i].streams[STREAM_ERR]));
        }
        return table_print(t, json);
}

int exec_many(char *const *names, EnterRequest *request, bool json, Error *error)
{
        _cleanup_close_ int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        size_t n = strv_length(names);
        Job *jobs = calloc(n, sizeof(Job));
        int r, highest = 0;

        if (!jobs || null_fd < 0) {
                free(jobs);
                return error_errno(error, errno, "Failed to prepare the commands");
        }
        for (size_t i = 0; i < n; i++) {
                jobs[i] = (Job){ .name = names[i], .process = ENTERED_PROCESS_NULL };
                jobs[i].streams[0].fd = jobs[i].streams[1].fd = -EBADF;
                job_start(&jobs[i], request, null_fd, json);
        }
        r = run_all(jobs, n, json);
        if (r >= 0)
                r = report(jobs, n, json);
        for (size_t i = 0; i < n; i++) {
                highest = MAX_OF(highest, jobs[i].status);
                job_done(&jobs[i]);
        }
        free(jobs);
        return r < 0 ? error_errno(error, -r, "Failed to run the commands") : highest;
}
