/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting for jobs, beside a systemd that is a child of ours at the other end of a socket. */

#include "../world.h"

#include "bus/connection.h"
#include "bus/job.h"
#include "bus/systemd.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define JOB "/org/freedesktop/systemd1/job/7"

/* Says that the job has ended, and nothing more. */
static int serve(int fd)
{
        _cleanup_bus_ sd_bus *bus = NULL;
        int r = sd_bus_new(&bus);

        if (r >= 0)
                r = sd_bus_set_fd(bus, fd, fd);
        if (r >= 0)
                r = sd_bus_set_server(bus, true, (sd_id128_t){});
        if (r >= 0)
                r = sd_bus_start(bus);
        while (r >= 0 && sd_bus_is_ready(bus) == 0) {
                r = sd_bus_process(bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus, UINT64_MAX);
        }
        if (r >= 0)
                r = sd_bus_emit_signal(bus, SYSTEMD_PATH, SYSTEMD_MANAGER, "JobRemoved", "uoss", 7,
                                       JOB, "web.service", "done");
        if (r >= 0)
                r = sd_bus_flush(bus);
        (void)pause();
        return r;
}

/* Whoever gets on too late has been told all the same. */
static void test_late(void **state)
{
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_job_queue_ JobQueue *jobs = NULL;
        _cleanup_bus_ sd_bus *bus = NULL;
        struct pollfd p = { .events = POLLIN };
        int pair[2];
        pid_t pid;

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                        _exit(EXIT_FAILURE);
                (void)close(pair[0]);
                _exit(serve(pair[1]) < 0);
        }
        (void)close(pair[1]);
        assert_int_equal(bus_open_fd(pair[0], false, &bus, &error), 0);
        assert_int_equal(job_queue_new(bus, &jobs, &error), 0);
        p.fd = sd_bus_get_fd(bus);
        assert_int_equal(poll(&p, 1, 20000), 1);
        assert_int_equal(job_queue_wait(jobs, JOB, "web.service", 0, &error), 0);
        /* and of another nothing is known */
        assert_int_equal(job_queue_wait(jobs, JOB "7", "web.service", 0, &error), -ETIMEDOUT);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

int main(void)
{
        static const struct CMUnitTest tests[] = { cmocka_unit_test(test_late) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
