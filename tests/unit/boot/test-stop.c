/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether PID 1 can hear a signal, from what the kernel says about it; and asking by signal. */

#include "../unit.h"

#include "base/cleanup.h"
#include "boot/stop.h"
#include "os/pidfd.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void on_signal(int signal)
{
}

typedef enum Child {
        CHILD_DEAF,
        CHILD_HANDLES,
        CHILD_BLOCKS,
        CHILD_IGNORES,
} Child;

/* A process that does one thing about SIGRTMIN+3 and then sleeps. */
static pid_t spawn(Child kind)
{
        int ready[2];
        char byte;
        pid_t pid;

        assert_int_equal(pipe(ready), 0);
        pid = fork();
        if (pid == 0) {
                sigset_t set;

                (void)sigemptyset(&set);
                (void)sigaddset(&set, SIGRTMIN + 3);
                if (kind == CHILD_HANDLES)
                        (void)signal(SIGRTMIN + 3, on_signal);
                else if (kind == CHILD_IGNORES)
                        (void)signal(SIGRTMIN + 3, SIG_IGN);
                else if (kind == CHILD_BLOCKS)
                        (void)sigprocmask(SIG_BLOCK, &set, NULL);
                (void)!write(ready[1], "x", 1);
                for (;;)
                        (void)pause();
        }
        assert_int_equal(read(ready[0], &byte, 1), 1);
        (void)close(ready[0]);
        (void)close(ready[1]);
        return pid;
}

static void end(pid_t pid)
{
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_can_hear(void **state)
{
        static const bool hears[] = {
                [CHILD_DEAF] = false,
                [CHILD_HANDLES] = true,
                [CHILD_BLOCKS] = true, /* it waits in signalfd or sigwait, or will */
                [CHILD_IGNORES] = false,
        };

        for (size_t i = 0; i < ELEMENTSOF(hears); i++) {
                pid_t pid = spawn((Child)i);

                assert_int_equal(stop_can_hear(pid, SIGRTMIN + 3), hears[i]);
                assert_false(stop_can_hear(pid, SIGRTMIN + 4));
                end(pid);
        }
        assert_false(stop_can_hear(0x7fffffff, SIGTERM)); /* nobody */
}

/* One that hears was asked; one that does not yet is asked again; none needs no hearing to die. */
static void test_ask_by_signal(void **state)
{
        BootPlan plan = { .stop_method = STOP_SIGNAL, .reboot_method = STOP_SIGNAL };
        Boot b = { .plan = &plan };

        plan.stop_signal = SIGRTMIN + 3;
        b.pid = spawn(CHILD_HANDLES);
        b.pid_fd = pidfd_open_process(b.pid);
        assert_int_equal(stop_ask(&b, false), 0);
        assert_int_equal(stop_ask(&b, true), 0); /* reboot_signal 0: SIGKILL */
        assert_int_equal(waitpid(b.pid, NULL, 0), b.pid);
        assert_int_equal(stop_ask(&b, false), -ESRCH);
        (void)close(b.pid_fd);

        b.pid = spawn(CHILD_IGNORES);
        b.pid_fd = pidfd_open_process(b.pid);
        assert_int_equal(stop_ask(&b, false), -EAGAIN);
        (void)close(b.pid_fd);
        end(b.pid);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_can_hear),
                cmocka_unit_test(test_ask_by_signal),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
