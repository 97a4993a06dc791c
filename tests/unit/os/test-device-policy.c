/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The device program on a scratch cgroup, seen from a process inside it: which nodes can be opened
 * and made. Needs the right to make a cgroup and to load programs. */

#include "os/device-policy.h"

#include "base/cleanup.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include <setjmp.h>

#include <cmocka.h>

typedef struct Scratch {
        char path[128];
        int fd;
} Scratch;

static void skip_because(const char *reason)
{
        print_message("skipped: %s\n", reason);
        if (getenv("MUST_WORK"))
                fail();
        skip();
}

static int setup(void **state)
{
        static const char *const roots[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
        static Scratch s;
        struct statfs f;

        s = (Scratch){ .fd = -EBADF };
        *state = &s;
        for (size_t i = 0; i < ELEMENTSOF(roots); i++) {
                if (statfs(roots[i], &f) < 0 || f.f_type != CGROUP2_SUPER_MAGIC)
                        continue;
                (void)snprintf(s.path, sizeof(s.path), "%s/stead-test-devices-%d", roots[i],
                               (int)getpid());
                if (mkdir(s.path, 0755) < 0)
                        continue;
                s.fd = open(s.path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
                return s.fd < 0 ? -1 : 0;
        }
        return 0; /* the test says why it is skipped */
}

static int teardown(void **state)
{
        Scratch *s = *state;

        if (s->fd < 0)
                return 0;
        (void)close(s->fd); /* directory handle */
        return rmdir(s->path);
}

/* Runs @body in a child inside the scratch cgroup with a private, device-friendly tmpfs on /tmp. */
static int in_cgroup(const Scratch *s, int (*body)(void))
{
        int status;
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
                if (write_file_at(s->fd, "cgroup.procs", "0") < 0)
                        _exit(101);
                if (unshare(CLONE_NEWNS) < 0 ||
                    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
                    mount("tmpfs", "/tmp", "tmpfs", 0, NULL) < 0)
                        _exit(102);
                _exit(body());
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static int make(const char *name, mode_t type, unsigned major, unsigned minor)
{
        return mknod(name, type | 0600, makedev(major, minor)) < 0 ? -errno : 0;
}

static int try_open(const char *name, int flags)
{
        _cleanup_close_ int fd = open(name, flags | O_CLOEXEC | O_NOCTTY);

        return fd < 0 ? -errno : 0;
}

static int body_default(void)
{
        if (make("/tmp/null", S_IFCHR, 1, 3) != 0 || try_open("/tmp/null", O_RDWR) != 0)
                return 1;
        if (make("/tmp/tun", S_IFCHR, 10, 200) != 0 || make("/tmp/fuse", S_IFCHR, 10, 229) != 0)
                return 2;
        if (make("/tmp/mem", S_IFCHR, 1, 1) != -EPERM)
                return 3;
        if (make("/tmp/kmsg", S_IFCHR, 1, 11) != -EPERM)
                return 4;
        if (make("/tmp/disk", S_IFBLK, 1, 3) != -EPERM)
                return 5;
        if (make("/tmp/pts", S_IFCHR, 136, 0) != -EPERM)
                return 6;
        if (try_open("/dev/ptmx", O_RDWR) == -EPERM)
                return 7;
        if (try_open("/dev/kmsg", O_RDONLY) != -EPERM)
                return 8;
        return make("/tmp/whiteout", S_IFCHR, 0, 0) == 0 ? 0 : 9; /* not a device to the kernel */
}

static void test_default(void **state)
{
        Scratch *s = *state;
        int r;

        if (s->fd < 0)
                skip_because("no cgroup2 directory can be made here");
        assert_int_equal(in_cgroup(s, body_default), 3);
        r = device_policy_attach(s->fd, device_policy_default, n_device_policy_default);
        if (r == -EPERM || r == -ENOSYS)
                skip_because("device programs cannot be loaded here");
        assert_int_equal(r, 0);
        assert_int_equal(in_cgroup(s, body_default), 0);
}

static int body_partial(void)
{
        if (try_open("/dev/zero", O_RDONLY) != 0)
                return 1;
        if (try_open("/dev/zero", O_WRONLY) != -EPERM || try_open("/dev/zero", O_RDWR) != -EPERM)
                return 2;
        if (make("/tmp/zero", S_IFCHR, 1, 5) != -EPERM)
                return 3;
        if (make("/tmp/any", S_IFBLK, 7, 99) != 0 || make("/tmp/any2", S_IFCHR, 7, 99) != 0)
                return 4;
        return try_open("/dev/null", O_RDONLY) == -EPERM ? 0 : 5;
}

static void test_partial(void **state)
{
        static const DeviceRule rules[] = {
                { 'c', 1, 5, .read = true },
                { 'a', 7, DEVICE_ANY, .mknod = true },
        };
        Scratch *s = *state;
        int r;

        if (s->fd < 0)
                skip_because("no cgroup2 directory can be made here");
        r = device_policy_attach(s->fd, rules, ELEMENTSOF(rules));
        if (r == -EPERM || r == -ENOSYS)
                skip_because("device programs cannot be loaded here");
        assert_int_equal(r, 0);
        assert_int_equal(in_cgroup(s, body_partial), 0);
}

static int body_nothing(void)
{
        return try_open("/dev/null", O_RDONLY) == -EPERM ? 0 : 1;
}

static void test_limits(void **state)
{
        static const DeviceRule many[1000];
        static DeviceRule most[500];
        Scratch *s = *state;
        int r;

        if (s->fd < 0)
                skip_because("no cgroup2 directory can be made here");
        assert_int_equal(device_policy_attach(s->fd, many, ELEMENTSOF(many)), -E2BIG);
        for (size_t i = 0; i < ELEMENTSOF(most); i++)
                most[i] = (DeviceRule){ 'b', (uint32_t)i, 3, true, true, true };
        r = device_policy_attach(s->fd, most, ELEMENTSOF(most));
        if (r == -EPERM || r == -ENOSYS)
                skip_because("device programs cannot be loaded here");
        assert_int_equal(r, 0);
        assert_int_equal(device_policy_attach(s->fd, NULL, 0), 0);
        assert_int_equal(in_cgroup(s, body_nothing), 0);
        assert_int_equal(device_policy_attach(STDIN_FILENO, NULL, 0), -EBADF);
}

static int body_null_only(void)
{
        return try_open("/dev/null", O_RDWR) != 0          ? 1
               : try_open("/dev/zero", O_RDONLY) == -EPERM ? 0
                                                           : 2;
}

static int body_null_and_zero(void)
{
        return try_open("/dev/null", O_RDWR) != 0     ? 1
               : try_open("/dev/zero", O_RDONLY) != 0 ? 2
                                                      : 0;
}

static void test_replace(void **state)
{
        static const DeviceRule rules[] = {
                { 'c', 1, 3, .read = true, .write = true },
                { 'c', 1, 5, .read = true },
        };
        Scratch *s = *state;
        int r;

        if (s->fd < 0)
                skip_because("no cgroup2 directory can be made here");
        r = device_policy_is_guarded(s->fd);
        if (r == -EPERM || r == -ENOSYS)
                skip_because("device programs cannot be looked at here");
        assert_int_equal(r, 0);
        assert_int_equal(device_policy_replace(s->fd, rules, 1), -ENOENT);
        r = device_policy_attach(s->fd, rules, 1);
        if (r == -EPERM || r == -ENOSYS)
                skip_because("device programs cannot be loaded here");
        assert_int_equal(r, 0);
        assert_int_equal(device_policy_is_guarded(s->fd), 1);
        assert_int_equal(in_cgroup(s, body_null_only), 0);
        assert_int_equal(device_policy_replace(s->fd, rules, 2), 0);
        assert_int_equal(in_cgroup(s, body_null_and_zero), 0);
        assert_int_equal(device_policy_replace(s->fd, rules, 1), 0);
        assert_int_equal(in_cgroup(s, body_null_only), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_default, setup, teardown),
                cmocka_unit_test_setup_teardown(test_partial, setup, teardown),
                cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
                cmocka_unit_test_setup_teardown(test_replace, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
