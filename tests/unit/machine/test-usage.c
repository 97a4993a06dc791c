/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Figures of control groups, from files as the kernel writes them, and of our own processes. */

#include "machine/usage.h"

#include "../world.h"

typedef struct Group {
        int unit_fd, payload_fd;
} Group;

static Group open_group(const char *top)
{
        _cleanup_free_ char *payload = NULL;
        Group g;

        assert_true(asprintf(&payload, "%s/payload", top) > 0);
        (void)mkdir(payload, 0755);
        g.unit_fd = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
        g.payload_fd = open(payload, O_PATH | O_DIRECTORY | O_CLOEXEC);
        assert_true(g.unit_fd >= 0 && g.payload_fd >= 0);
        return g;
}

static void read_group(const char *top, Usage *ret)
{
        Group g = open_group(top);

        usage_read_at(g.unit_fd, g.payload_fd, ret);
        (void)close(g.unit_fd);
        (void)close(g.payload_fd);
}

static void test_all_controllers(void **state)
{
        const char *top = *state;
        Usage u;

        world_put(top, "/cpu.stat", "usage_usec 1234567\nuser_usec 1\nsystem_usec 2\n", 0644);
        world_put(top, "/memory.current", "522190848\n", 0644);
        world_put(top, "/memory.max", "536870912\n", 0644);
        world_put(top, "/memory.swap.current", "0\n", 0644);
        world_put(top, "/memory.swap.max", "max\n", 0644);
        world_put(top, "/memory.events", "low 0\nhigh 0\nmax 88\noom 9\noom_kill 3\n", 0644);
        world_put(top, "/memory.events.local", "max 8\noom 1\noom_kill 0\n", 0644);
        world_put(top, "/payload/memory.events.local", "max 8\noom 3\noom_kill 0\n", 0644);
        world_put(top, "/pids.current", "23\n", 0644);
        world_put(top, "/pids.max", "16384\n", 0644);
        world_put(top, "/io.stat",
                  "254:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n7:0 \n"
                  "8:16 rbytes=1 wbytes=2 rios=1 wios=1 dbytes=9 dios=9\n",
                  0644);
        world_put(top, "/cpu.pressure",
                  "some avg10=1.25 avg60=0.00 avg300=0.00 total=1\n"
                  "full avg10=0.50 avg60=0.00 avg300=0.00 total=1\n",
                  0644);
        world_put(top, "/io.pressure", "some avg10=99.00 avg60=0.00 avg300=0.00 total=1\n", 0644);
        read_group(top, &u);
        assert_int_equal(u.cpu_usec, 1234567);
        assert_int_equal(u.memory, 522190848);
        assert_int_equal(u.memory_max, 536870912);
        assert_false(u.memory_summed);
        assert_int_equal(u.swap, 0);
        assert_true(u.swap_max == USAGE_NO_LIMIT);
        assert_int_equal(u.oom_events, 4);
        assert_int_equal(u.oom_kills, 3);
        assert_int_equal(u.tasks, 23);
        assert_int_equal(u.tasks_max, 16384);
        assert_int_equal(u.io_read, 4097);
        assert_int_equal(u.io_written, 8194);
        assert_true(u.pressure[PRESSURE_CPU].some == 1.25 && u.pressure[PRESSURE_CPU].full == 0.5);
        assert_true(u.pressure[PRESSURE_IO].some == 99 && u.pressure[PRESSURE_IO].full < 0);
        assert_true(u.pressure[PRESSURE_MEMORY].some < 0);
}

/* The sums of a hybrid host: two groups below the machine's, with us in the deeper one. */
static void test_without_controllers(void **state)
{
        const char *top = *state;
        char pid[32];
        Usage u;

        (void)snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
        world_put(top, "/cpu.stat", "usage_usec 5\n", 0644);
        world_put(top, "/payload/init.scope/cgroup.procs", "0\n99999999\n", 0644);
        world_put(top, "/payload/a/b/cgroup.procs", pid, 0644);
        read_group(top, &u);
        assert_int_equal(u.cpu_usec, 5);
        assert_true(u.memory_summed);
        assert_int_equal(u.tasks, 1);
        assert_true(u.memory > 4096 && u.memory < (UINT64_C(1) << 30));
        assert_true(u.oom_kills == USAGE_UNKNOWN && u.io_read == USAGE_UNKNOWN);
}

static void test_nothing_known(void **state)
{
        Machine m = {};
        Usage u;

        assert_null(machine_unit_cgroup(&m));
        usage_read(&m, &u);
        assert_true(u.memory == USAGE_UNKNOWN && u.tasks == USAGE_UNKNOWN &&
                    u.cpu_usec == USAGE_UNKNOWN && u.memory_max == USAGE_NO_LIMIT);
}

static void test_unit_cgroup(void **state)
{
        static const struct {
                const char *cgroup, *unit;
        } cases[] = {
                { "/sys/fs/cgroup/machine.slice/stead@web.service/payload",
                  "/sys/fs/cgroup/machine.slice/stead@web.service" },
                { "/sys/fs/cgroup/web", "/sys/fs/cgroup/web" },
                { "/payload", "/payload" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *cgroup = strdup(cases[i].cgroup);
                Machine m = { .cgroup = cgroup };
                _cleanup_free_ char *unit = machine_unit_cgroup(&m);

                assert_string_equal(unit, cases[i].unit);
        }
}

static void test_rates(void **state)
{
        Usage before = USAGE_NULL, now = USAGE_NULL;

        before.taken_usec = USEC_PER_SEC;
        now.taken_usec = 3 * USEC_PER_SEC;
        assert_true(usage_cpu_percent(&before, &now) < 0);
        before.cpu_usec = 100;
        now.cpu_usec = 100 + 3 * USEC_PER_SEC;
        assert_true(usage_cpu_percent(&before, &now) == 150);
        assert_true(usage_rate(&before, &now, 1000, 5000) == 2000);
        assert_true(usage_rate(&before, &now, 5000, 1000) < 0);
        assert_true(usage_rate(&now, &before, 1000, 5000) < 0);
        assert_true(usage_rate(&now, &now, 1000, 5000) < 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_DIRECTORY(test_all_controllers), WITH_DIRECTORY(test_without_controllers),
                cmocka_unit_test(test_nothing_known), cmocka_unit_test(test_unit_cgroup),
                cmocka_unit_test(test_rates),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
