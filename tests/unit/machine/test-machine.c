/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* State files: what a supervisor writes is what a verb reads, and damage is never believed. */

#include "../world.h"

#include "machine/machine.h"

#include <signal.h>
#include <sys/wait.h>

/* A machine whose launcher and leader are this process. */
static Machine *example(const char *name)
{
        Machine *m = NULL;

        assert_int_equal(machine_new(name, &m), 0);
        assert_int_equal(parse_id128("0123456789abcdef0123456789abcdef", &m->uuid), 0);
        m->state = MACHINE_RUNNING;
        m->init = INIT_RUNIT;
        m->status = strdup("a = b");
        m->leader = m->launcher = getpid();
        assert_int_equal(process_start_time(getpid(), &m->leader_start), 0);
        m->launcher_start = m->leader_start;
        m->root = strdup("/trees/with space=x");
        m->cgroup = strdup("/sys/fs/cgroup/x/payload");
        m->uid_base = 0x6FFF0000;
        m->uid_size = 65536;
        m->private_network = true;
        m->started_usec = 1700000000000000;
        m->ready_usec = 1700000000000001;
        m->bounding = UINT64_C(0xfffffffffdecafff);
        m->seccomp = strdup("default");
        m->container_service = strdup("stead");
        for (int i = 0; i < RLIM_NLIMITS; i++)
                m->rlimits[i] = (struct rlimit){ (rlim_t)i, RLIM_INFINITY };
        return m;
}

static void save(const Machine *m)
{
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_close_ int fd = -EBADF;

        assert_int_equal(machine_directory_create(m->name, &fd, &error), 0);
        assert_int_equal(machine_save(m, fd, &error), 0);
}

static void test_round_trip(void **state)
{
        _cleanup_machine_ Machine *m = example("web"), *got = NULL;
        _cleanup_error_ Error error = ERROR_NULL;

        save(m);
        save(m); /* over an old one, too */
        assert_int_equal(machine_open("web", &got, &error), 0);
        assert_string_equal(got->name, "web");
        assert_memory_equal(&got->uuid, &m->uuid, sizeof(m->uuid));
        assert_int_equal(got->state, m->state);
        assert_int_equal(got->init, m->init);
        assert_string_equal(got->status, m->status);
        assert_int_equal(got->leader, m->leader);
        assert_int_equal(got->leader_start, m->leader_start);
        assert_string_equal(got->root, m->root);
        assert_string_equal(got->cgroup, m->cgroup);
        assert_int_equal(got->uid_base, m->uid_base);
        assert_int_equal(got->uid_size, m->uid_size);
        assert_true(got->private_network);
        assert_false(got->no_new_privileges);
        assert_true(got->started_usec == m->started_usec && got->ready_usec == m->ready_usec);
        assert_true(got->bounding == m->bounding);
        assert_string_equal(got->seccomp, m->seccomp);
        assert_string_equal(got->container_service, m->container_service);
        assert_memory_equal(got->rlimits, m->rlimits, sizeof(m->rlimits));
        assert_true(got->leader_fd >= 0 && got->launcher_fd >= 0);
}

static void assert_not_running(const char *name)
{
        _cleanup_error_ Error error = ERROR_NULL;
        Machine *m = NULL;

        assert_int_equal(machine_open(name, &m, &error), -ENXIO);
        assert_null(m);
        assert_non_null(strstr(error.message, "is not running"));
        assert_non_null(strstr(error.hint, "stead start"));
}

/* A number that another process has now, and one that only a zombie has, is not the machine. */
static void test_stale(void **state)
{
        _cleanup_machine_ Machine *m = example("web");
        siginfo_t si;
        pid_t pid;

        m->leader_start++;
        save(m);
        assert_not_running("web");
        m->leader_start--;
        m->launcher_start--;
        save(m);
        assert_not_running("web");
        m->launcher_start++;
        m->leader = 0x7ffffff0;
        save(m);
        assert_not_running("web");
        m->leader = 0;
        save(m);
        assert_not_running("web");

        pid = fork();
        if (pid == 0)
                _exit(0);
        m->leader = pid;
        assert_int_equal(waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT), 0);
        assert_int_equal(process_start_time(pid, &m->leader_start), 0);
        save(m);
        assert_not_running("web");
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_names(void **state)
{
        static const char *const names[] = { "",    ".", "..", ".hidden", "a/b", "../machines/web",
                                             "/web" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                Machine *m = NULL;

                assert_int_equal(machine_open(names[i], &m, NULL), -EINVAL);
                assert_null(m);
        }
        assert_not_running("none");
}

static void test_damaged(void **state)
{
        static const char *const texts[] = {
                "",
                "\n",
                "x",
                "=",
                "NAME",
                "STATE=flying\n",
                "INIT=\n",
                "LEADER=abc\n",
                "LEADER=-1\n",
                "LEADER=99999999999999999999\n",
                "PRIVATE_NETWORK=perhaps\n",
                "RLIMIT7=a:b\n",
                "RLIMIT7=5\n",
                "UID_BASE=4294967296\n",
                "LEADER_START=\n",
                "CAPABILITIES=zz\n",
                "STATE=running\nLEADER=1",
                "\xff\xfe=\x01\n",
                "UUID=x\nLEADER=0\n",
                "RLIMIT99=1:1\n",
                "RLIMIT-1=1:1\n",
                "LEADER=4294967295\nLAUNCHER=4294967295\n",
                "FUTURE=field\n",
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_error_ Error error = ERROR_NULL;
                Machine *m = NULL, **list = NULL;
                size_t n = 9;

                world_put(MACHINES_DIRECTORY, "/bad/state", texts[i], 0600);
                if (machine_open("bad", &m, &error) >= 0)
                        fail_msg("believed: %s", texts[i]);
                assert_null(m);
                assert_non_null(error.message);
                assert_int_equal(machine_list(&list, &n, NULL), 0);
                assert_int_equal(n, 0);
        }
}

/* What is no small regular file is no state file, and holds nobody up. */
static void test_hostile(void **state)
{
        _cleanup_free_ char *large = malloc(100001);
        Machine *m = NULL;

        memset(large, 'A', 100000);
        large[100000] = '\0';
        world_put(MACHINES_DIRECTORY, "/large/state", large, 0600);
        assert_int_equal(machine_open("large", &m, NULL), -EFBIG);
        assert_int_equal(mkdir_parents_at(AT_FDCWD, MACHINES_DIRECTORY "/directory/state", 0755),
                         0);
        assert_true(machine_open("directory", &m, NULL) < 0);
        assert_int_equal(mkdir_parents_at(AT_FDCWD, MACHINES_DIRECTORY "/fifo", 0755), 0);
        assert_int_equal(mkfifo(MACHINES_DIRECTORY "/fifo/state", 0600), 0);
        assert_true(machine_open("fifo", &m, NULL) < 0);
        world_put(MACHINES_DIRECTORY, "/file", "", 0600);
        assert_true(machine_open("file", &m, NULL) < 0);
        assert_null(m);
}

static void test_list(void **state)
{
        static const char *const names[] = { "c", "a", "b" };
        Machine **list = NULL;
        size_t n = 9;

        assert_int_equal(machine_list(&list, &n, NULL), 0); /* no directory at all */
        assert_int_equal(n, 0);
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_machine_ Machine *m = example(names[i]);

                save(m);
        }
        world_put(MACHINES_DIRECTORY, "/stale/state", "STATE=running\n", 0600);
        world_put(MACHINES_DIRECTORY, "/.hidden/state", "STATE=running\n", 0600);
        assert_int_equal(machine_list(&list, &n, NULL), 0);
        assert_int_equal(n, 3);
        assert_string_equal(list[0]->name, "a");
        assert_string_equal(list[2]->name, "c");
        machine_list_free(list, n);
        machine_directory_remove("b");
        assert_int_equal(machine_list(&list, &n, NULL), 0);
        assert_int_equal(n, 2);
        machine_list_free(list, n);
}

/* A process may call itself anything. */
static void test_start_time(void **state)
{
        uint64_t before, after;

        assert_int_equal(process_start_time(getpid(), &before), 0);
        assert_int_equal(write_file_at(AT_FDCWD, "/proc/self/comm", ") S 1 (x 7 7"), 0);
        assert_int_equal(process_start_time(getpid(), &after), 0);
        assert_true(before == after);
        assert_true(process_start_time(0x7ffffff0, &after) < 0);
}

static int clean(void **state)
{
        return remove_tree_at(AT_FDCWD, "/run/stead");
}

#define CLEAN(test) cmocka_unit_test_setup(test, clean)

int main(void)
{
        const struct CMUnitTest tests[] = {
                CLEAN(test_round_trip), CLEAN(test_stale),   CLEAN(test_names),
                CLEAN(test_damaged),    CLEAN(test_hostile), CLEAN(test_list),
                CLEAN(test_start_time),
        };
        int r = world_enter();

        return r != 0 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
