/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One fork, one pipe, one report. */

#include "image/errand.h"

#include "base/fd.h"
#include "os/clone.h"
#include "os/pidfd.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Less than PIPE_BUF: written at once, or not at all. */
typedef struct Report {
        int result, number;
        char message[2560], hint[1024];
} Report;

static _noreturn_ void run(ErrandFunction function, void *argument, int report_fd)
{
        _cleanup_error_ Error error = ERROR_NULL;
        Report report = { .result = function(argument, &error) };

        if (report.result < 0) {
                (void)error_errno(&error, -report.result, "Failed"); /* if nobody said more */
                report.number = error.number;
                (void)snprintf(report.message, sizeof(report.message), "%s", error.message ?: "?");
                (void)snprintf(report.hint, sizeof(report.hint), "%s", error.hint ?: "");
        }
        (void)fflush(stderr);
        (void)write_all(report_fd, &report, sizeof(report)); /* or nobody is there to read it */
        _exit(report.result < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

int errand_start(ErrandFunction function, void *argument, Errand *ret, Error *error)
{
        Errand errand = ERRAND_NULL;
        int ends[2];
        pid_t pid;

        (void)fflush(stdout); /* the child must not have what we have not yet written */
        if (pipe2(ends, O_CLOEXEC) < 0)
                return error_errno(error, errno, "Failed to make a pipe");
        pid = clone_process(0, -EBADF, &errand.pid_fd);
        if (pid == 0) {
                (void)close(ends[0]);
                run(function, argument, ends[1]);
        }
        (void)close(ends[1]);
        if (pid < 0) {
                (void)close(ends[0]);
                return error_errno(error, -pid, "Failed to start a process");
        }
        errand.report_fd = ends[0];
        *ret = errand;
        return 0;
}

static void reap(Errand *errand, siginfo_t *ret)
{
        (void)pidfd_reap(errand->pid_fd, ret); /* our child: it cannot fail */
        closep(&errand->pid_fd);
        errand->pid_fd = -EBADF;
}

int errand_hear(Errand *errand, Error *error)
{
        Report report;
        ssize_t n;

        do
                n = read(errand->report_fd, &report, sizeof(report));
        while (n < 0 && errno == EINTR);
        closep(&errand->report_fd);
        errand->report_fd = -EBADF;
        if (n != sizeof(report)) {
                siginfo_t info = {};

                reap(errand, &info);
                return error_set(error, EIO, "A process that worked for us was ended by signal %d",
                                 info.si_status);
        }
        if (report.result >= 0)
                return report.result;
        if (*report.hint)
                error_hint(error, "%s", report.hint);
        (void)error_set(error, report.number, "%s", report.message);
        return report.result;
}

int errand_wait(Errand *errand, Error *error)
{
        int r = errand_hear(errand, error);
        siginfo_t info;

        if (errand->pid_fd >= 0)
                reap(errand, &info);
        return r;
}

void errand_done(Errand *errand)
{
        siginfo_t info;

        if (errand->pid_fd >= 0) {
                (void)pidfd_signal(errand->pid_fd, SIGKILL);
                reap(errand, &info);
        }
        closep(&errand->report_fd);
        *errand = ERRAND_NULL;
}

int errand_run(ErrandFunction function, void *argument, Error *error)
{
        _cleanup_(errand_done) Errand errand = ERRAND_NULL;
        int r = errand_start(function, argument, &errand, error);

        return r < 0 ? r : errand_wait(&errand, error);
}

int errand_die_with_caller(void)
{
        return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ? -errno : 0;
}
