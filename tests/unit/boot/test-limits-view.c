/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file behind a machine's /proc/meminfo: made, sealed, rewritten in place, shown late. The
 * control groups are plain files, the machine is a process in a mount namespace of its own. */

#include "boot/limits-view.h"

#include "base/parse.h"
#include "os/mount.h"
#include "os/pidfd.h"

#include "../world.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define PLACE "/run/host"
#define GROUPS "/run/groups"

static int set_up(void **state)
{
        (void)umount2(PLACE, MNT_DETACH);
        (void)remove_tree_at(AT_FDCWD, GROUPS);
        (void)mkdir(PLACE, 0755);
        if (mount("tmpfs", PLACE, "tmpfs", 0, "mode=0755") < 0)
                return -1;
        world_put(GROUPS, "/unit/memory.max", "max\n", 0644);
        world_put(GROUPS, "/unit/memory.current", "4096\n", 0644);
        world_put(GROUPS, "/unit/memory.stat", "file 0\n", 0644);
        world_put(GROUPS, "/unit/payload/memory.max", "max\n", 0644);
        world_put(GROUPS, "/unit/payload/memory.current", "4096\n", 0644);
        world_put(GROUPS, "/unit/payload/memory.stat", "file 0\n", 0644);
        return 0;
}

static void make(LimitsView *v)
{
        _cleanup_close_ int payload = open(GROUPS "/unit/payload", O_PATH | O_CLOEXEC);
        _cleanup_close_ int place = open(PLACE, O_PATH | O_CLOEXEC);
        _cleanup_error_ Error error = ERROR_NULL;

        assert_int_equal(limits_view_make(v, payload, place, &error), 0);
        assert_null(error.message);
}

static void assert_total(const char *file, const char *expected)
{
        _cleanup_free_ char *text = NULL;

        assert_true(read_file_at(AT_FDCWD, file, 65536, &text) > 0);
        text[strcspn(text, "\n")] = '\0';
        assert_string_equal(text, expected);
}

/* A plain file keeps the end of a longer text. */
static void assert_begins(const char *file, const char *expected)
{
        _cleanup_free_ char *text = NULL;

        assert_true(read_file_at(AT_FDCWD, file, 65536, &text) >= 0);
        assert_int_equal(strncmp(text, expected, strlen(expected)), 0);
}

static void test_without_controller(void **state)
{
        LimitsView v = LIMITS_VIEW_NULL;

        assert_int_equal(unlink(GROUPS "/unit/payload/memory.max"), 0);
        make(&v);
        assert_true(v.file_fd < 0 && !v.shown);
        assert_true(limits_view_update(&v, -EBADF) == UINT64_MAX);
        assert_int_equal(access(PLACE "/meminfo", F_OK), -1);
        limits_view_done(&v);
}

static void test_limit_from_the_start(void **state)
{
        _cleanup_close_ int place = -EBADF, reader = -EBADF;
        LimitsView v = LIMITS_VIEW_NULL;
        char text[64] = "";

        world_put(GROUPS, "/unit/memory.max", "536870912\n", 0644);
        make(&v);
        assert_true(v.shown);
        assert_total(PLACE "/meminfo", "MemTotal:         524288 kB");
        assert_begins(GROUPS "/unit/payload/memory.max", "536870912");

        /* sealing must not fail for our own descriptor, and we still can write */
        place = open(PLACE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(mount_set_attributes(place, MOUNT_ATTR_RDONLY, 0, false), 0);
        assert_int_equal(open(PLACE "/meminfo", O_WRONLY), -1);
        assert_int_equal(errno, EROFS);
        reader = open(PLACE "/meminfo", O_RDONLY | O_CLOEXEC);

        world_put(GROUPS, "/unit/memory.max", "1073741824\n", 0644);
        assert_true(limits_view_update(&v, -EBADF) <= 2 * USEC_PER_SEC);
        assert_total(PLACE "/meminfo", "MemTotal:        1048576 kB");
        assert_begins(GROUPS "/unit/payload/memory.max", "1073741824");
        /* who had it open reads the new text, too */
        assert_true(pread(reader, text, sizeof(text) - 1, 0) > 0);
        assert_int_equal(strncmp(text, "MemTotal:        1048576 kB\n", 28), 0);

        world_put(GROUPS, "/unit/memory.max", "max\n", 0644);
        (void)limits_view_update(&v, -EBADF);
        assert_begins(GROUPS "/unit/payload/memory.max", "max");
        limits_view_done(&v);
}

/* Nothing is written while nothing changes: the time of the file tells. */
static void test_unchanged_is_not_written(void **state)
{
        LimitsView v = LIMITS_VIEW_NULL;
        struct stat before, after;

        world_put(GROUPS, "/unit/memory.max", "536870912\n", 0644);
        make(&v);
        assert_int_equal(stat(PLACE "/meminfo", &before), 0);
        (void)nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
        (void)limits_view_update(&v, -EBADF);
        assert_int_equal(stat(PLACE "/meminfo", &after), 0);
        assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof(before.st_mtim));
        world_put(GROUPS, "/unit/memory.current", "8192\n", 0644);
        (void)limits_view_update(&v, -EBADF);
        assert_int_equal(stat(PLACE "/meminfo", &after), 0);
        assert_memory_not_equal(&before.st_mtim, &after.st_mtim, sizeof(before.st_mtim));
        limits_view_done(&v);
}

static pid_t start_machine(void)
{
        int ready[2];
        pid_t pid;
        char c;

        assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
        pid = fork();
        if (pid == 0) {
                if (unshare(CLONE_NEWNS) < 0 || write(ready[1], "x", 1) != 1)
                        _exit(1);
                for (;;)
                        (void)pause();
        }
        (void)close(ready[1]);
        assert_int_equal(read(ready[0], &c, 1), 1);
        (void)close(ready[0]);
        return pid;
}

static void test_limit_set_later(void **state)
{
        LimitsView v = LIMITS_VIEW_NULL;
        pid_t machine = start_machine();
        _cleanup_close_ int pid_fd = pidfd_open_process(machine);
        char file[64];
        int status;

        make(&v);
        assert_false(v.shown);
        (void)snprintf(file, sizeof(file), "/proc/%d/root/proc/meminfo", (int)machine);
        assert_true(limits_view_update(&v, pid_fd) > 2 * USEC_PER_SEC || v.watch_fd < 0);
        assert_false(v.shown);

        world_put(GROUPS, "/unit/memory.max", "536870912\n", 0644);
        assert_true(limits_view_update(&v, pid_fd) <= 2 * USEC_PER_SEC);
        assert_true(v.shown && v.mount_fd < 0);
        assert_true(wait(&status) > 0 && status == 0);
        assert_total(file, "MemTotal:         524288 kB");
        /* nowhere else */
        assert_false(access(PLACE "/meminfo", F_OK) < 0);
        {
                _cleanup_free_ char *ours = NULL;

                assert_true(read_file_at(AT_FDCWD, "/proc/meminfo", 65536, &ours) > 0);
                assert_null(strstr(ours, "MemTotal:         524288 kB"));
        }
        world_put(GROUPS, "/unit/memory.max", "268435456\n", 0644);
        (void)limits_view_update(&v, pid_fd);
        assert_total(file, "MemTotal:         262144 kB");
        limits_view_done(&v);
        (void)kill(machine, SIGKILL);
        (void)waitpid(machine, NULL, 0);
}

#define TEST(f) cmocka_unit_test_setup(f, set_up)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_without_controller),
                TEST(test_limit_from_the_start),
                TEST(test_unchanged_is_not_written),
                TEST(test_limit_set_later),
        };
        int r = world_enter();

        return r != 0 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
