/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asking the systemd inside by its own systemctl, which needs no bus there. */

#include "cli/health.h"

#include "base/buffer.h"
#include "base/fd.h"
#include "base/parse.h"
#include "base/strv.h"
#include "machine/enter.h"
#include "os/cgroup-file.h"
#include "os/clock.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_USEC (2 * USEC_PER_SEC)
#define ANSWER_MAX 16384U /* of a program that is not to be trusted */

void health_done(Health *h)
{
        free(h->state);
        strv_free(h->failed);
        *h = HEALTH_NULL;
}

/* Reads until the end, until it is too much, or until it is too late. Returns 1 at the end. */
static int read_answer(int fd, uint64_t until_usec, Buffer *answer)
{
        while (answer->size < ANSWER_MAX) {
                struct pollfd p = { .fd = fd, .events = POLLIN };
                uint64_t now = clock_now_usec();
                char data[4096];
                ssize_t n;

                if (now >= until_usec || poll(&p, 1, (int)((until_usec - now) / 1000 + 1)) <= 0)
                        return 0;
                n = read(fd, data, sizeof(data));
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return 1;
                buffer_append(answer, data, (size_t)n);
        }
        return 0;
}

/* Output of a command inside goes to @out. */
static void ask(const Machine *m, char *const *argv, int null_fd, int out)
{
        EnteredProcess process = ENTERED_PROCESS_NULL;
        EnterRequest request = { .argv = argv, .stdio = { null_fd, out, null_fd } };

        if (machine_enter(m, &request, &process, NULL) < 0)
                return;
        (void)entered_process_wait(&process);
        entered_process_done(&process);
}

/* In a process of its own: to enter a machine that stands still takes for ever. */
static _noreturn_ void child(const Machine *m, int out)
{
        static const char *const state[] = { "systemctl", "show", "--property=SystemState",
                                             "--value", NULL };
        static const char *const failed[] = { "systemctl", "list-units",  "--state=failed",
                                              "--plain",   "--no-legend", "--no-pager",
                                              "--full",    NULL };
        int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

        if (null_fd < 0)
                _exit(EXIT_FAILURE);
        ask(m, (char *const *)state, null_fd, out);
        ask(m, (char *const *)failed, null_fd, out);
        _exit(EXIT_SUCCESS);
}

/* The first line is the state, each other begins with a unit. What is neither is not passed on to a
 * terminal. */
static void parse(char *text, Health *h)
{
        static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "0123456789:-_.\\@";
        char *line = strsep(&text, "\n");

        if (*line && line[strspn(line, "abcdefghijklmnopqrstuvwxyz")] == '\0')
                h->state = strdup(line);
        while ((line = strsep(&text, "\n"))) {
                line[strcspn(line, " ")] = '\0';
                if (*line && line[strspn(line, allowed)] == '\0')
                        (void)strv_push(&h->failed, line);
        }
}

/* Nothing inside runs, so nothing would answer. */
static bool is_frozen(const Machine *m)
{
        _cleanup_free_ char *path = NULL, *text = NULL;

        if (!m->cgroup || asprintf(&path, "%s/cgroup.events", m->cgroup) < 0) {
                path = NULL;
                return false;
        }
        return read_file_at(AT_FDCWD, path, 4096, &text) >= 0 &&
               cgroup_keyed_number(text, "frozen") == 1;
}

void health_load(const Machine *m, Health *ret)
{
        _cleanup_buffer_ Buffer answer = BUFFER_NULL;
        int ends[2];
        pid_t pid;

        *ret = HEALTH_NULL;
        if (is_frozen(m)) {
                ret->state = strdup("frozen");
                return;
        }
        if (m->init != INIT_SYSTEMD || pipe2(ends, O_CLOEXEC) < 0)
                return;
        pid = fork();
        if (pid == 0)
                child(m, ends[1]);
        (void)close(ends[1]);
        if (pid > 0 && read_answer(ends[0], clock_now_usec() + PATIENCE_USEC, &answer) > 0 &&
            answer.data)
                parse(answer.data, ret);
        (void)close(ends[0]);
        if (pid > 0) {
                (void)kill(pid, SIGKILL); /* and with it what it started inside */
                while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                        ;
        }
        ret->silent = !ret->state;
}
