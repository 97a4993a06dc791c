/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When a silent init counts as up: by the names of its children, which a test can give to its own.
 */

#include "../unit.h"

#include "base/cleanup.h"
#include "boot/readiness.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define YOUNG (USEC_PER_SEC / 2)
#define OLD (10 * USEC_PER_SEC)

/* Whether an init of that kind is up when it has a child of this name. */
static bool check(InitKind kind, const char *name, uint64_t age)
{
        pid_t pid = -1;
        int ready[2];
        bool up;
        char byte;

        assert_int_equal(pipe(ready), 0);
        if (name)
                pid = fork();
        if (pid == 0) {
                (void)prctl(PR_SET_NAME, name);
                (void)!write(ready[1], "x", 1);
                for (;;)
                        (void)pause();
        }
        if (name)
                assert_int_equal(read(ready[0], &byte, 1), 1);
        up = readiness_check(kind, getpid(), age);
        if (name) {
                (void)kill(pid, SIGKILL);
                (void)waitpid(pid, NULL, 0);
        }
        (void)close(ready[0]);
        (void)close(ready[1]);
        return up;
}

static void test_table(void **state)
{
        static const struct {
                InitKind kind;
                const char *child;
                uint64_t age;
                bool up;
        } rows[] = {
                { INIT_SYSVINIT, NULL, YOUNG, false },     { INIT_SYSVINIT, NULL, OLD, true },
                { INIT_SYSVINIT, "rc", OLD, false },       { INIT_SYSVINIT, "agetty", YOUNG, true },
                { INIT_SYSVINIT, "startpar", OLD, false }, { INIT_OPENRC, "openrc", OLD, false },
                { INIT_OPENRC, "agetty", YOUNG, true },    { INIT_BUSYBOX, "sh", YOUNG, true },
                { INIT_BUSYBOX, "rcS", OLD, false },       { INIT_RUNIT, NULL, OLD, false },
                { INIT_RUNIT, "runsvdir", YOUNG, true },   { INIT_S6, "s6-svscan", YOUNG, true },
                { INIT_S6, "s6-other", OLD, false },       { INIT_OTHER, NULL, 0, true },
                { INIT_SYSTEMD, "agetty", OLD, false }, /* it says so itself */
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (check(rows[i].kind, rows[i].child, rows[i].age) != rows[i].up)
                        fail_msg("%s with '%s'", init_kind_to_string(rows[i].kind),
                                 rows[i].child ?: "");
        for (int k = 0; k < _INIT_KIND_MAX; k++)
                assert_int_equal(readiness_is_announced((InitKind)k), k == INIT_SYSTEMD);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_table),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
