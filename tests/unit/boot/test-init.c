/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which init a tree has: honest trees, broken ones and hostile ones. */

#include "../world.h"

#include "boot/init.h"

#include <errno.h>
#include <signal.h>

static int find(const char *tree, InitProgram *ret, Error *error)
{
        _cleanup_close_ int fd = open(tree, O_PATH | O_DIRECTORY | O_CLOEXEC);

        assert_true(fd >= 0);
        return init_find(fd, tree, ret, error);
}

static void assert_init(const char *tree, InitKind kind, const char *path)
{
        _cleanup_error_ Error error = ERROR_NULL;
        InitProgram init = {};

        if (find(tree, &init, &error) < 0)
                fail_msg("%s", error.message);
        assert_string_equal(init_kind_to_string(init.kind), init_kind_to_string(kind));
        assert_string_equal(init.path, path);
}

static void test_kinds(void **state)
{
        static const struct {
                const char *program, *link, *text; /* link: a symlink to the program, or NULL */
                InitKind kind;
                const char *path;
        } rows[] = {
                { "/usr/lib/systemd/systemd", NULL, "x", INIT_SYSTEMD, "/usr/lib/systemd/systemd" },
                { "/lib/systemd/systemd", "/sbin/init", "x", INIT_SYSTEMD, "/lib/systemd/systemd" },
                { "/sbin/init", NULL, "a\0/run/initctl\0b", INIT_SYSVINIT, "/sbin/init" },
                { "/sbin/init", NULL, "/dev/initctl", INIT_SYSVINIT, "/sbin/init" },
                { "/bin/busybox", "/sbin/init", "x", INIT_BUSYBOX, "/sbin/init" },
                { "/sbin/init", NULL, "BusyBox v1.35", INIT_BUSYBOX, "/sbin/init" },
                { "/sbin/runit-init", "/sbin/init", "x", INIT_RUNIT, "/sbin/init" },
                { "/sbin/openrc-init", "/sbin/init", "x", INIT_OPENRC, "/sbin/init" },
                { "/bin/s6-svscan", "/init", "x", INIT_S6, "/init" },
                { "/init", NULL, "#!/bin/sh\nexec s6-linux-init\n", INIT_S6, "/init" },
                { "/sbin/init", NULL, "anything", INIT_OTHER, "/sbin/init" },
                { "/sbin/init", NULL, "", INIT_OTHER, "/sbin/init" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char tree[] = "/tmp/stead-test-XXXXXX";

                assert_non_null(mkdtemp(tree));
                world_put(tree, rows[i].program, rows[i].text, 0755);
                if (rows[i].link)
                        world_link(tree, rows[i].program, rows[i].link);
                if (memcmp(rows[i].text, "a\0", 2) == 0) { /* as in a binary */
                        _cleanup_free_ char *path = NULL;
                        _cleanup_close_ int fd = -EBADF;

                        assert_true(asprintf(&path, "%s%s", tree, rows[i].program) > 0);
                        fd = open(path, O_WRONLY | O_CLOEXEC);
                        assert_int_equal(write_all(fd, "a\0/run/initctl\0b", 16), 0);
                }
                assert_init(tree, rows[i].kind, rows[i].path);
                assert_int_equal(remove_tree_at(AT_FDCWD, tree), 0);
        }
}

static void test_missing(void **state)
{
        _cleanup_error_ Error error = ERROR_NULL;
        InitProgram init = {};

        assert_int_equal(find(*state, &init, &error), -ENOENT);
        assert_non_null(strstr(error.message, "has no init"));
        assert_non_null(strstr(error.hint, "stead run"));
        assert_null(init.path);
}

static void test_not_executable(void **state)
{
        _cleanup_error_ Error error = ERROR_NULL;
        InitProgram init = {};

        world_put(*state, "/sbin/init", "x", 0644);
        assert_int_equal(find(*state, &init, &error), -EACCES);
        assert_non_null(strstr(error.message, "mode 0644"));
        assert_non_null(strstr(error.hint, "chmod 0755"));
}

/* What is no program is passed over, and never opened: a fifo would hold us. */
static void test_no_programs(void **state)
{
        _cleanup_close_ int fd = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_error_ Error error = ERROR_NULL;
        InitProgram init = {};

        assert_int_equal(mkdir_parents_at(fd, "usr/lib/systemd/systemd", 0755), 0);
        assert_int_equal(mkdir_parents_at(fd, "sbin", 0755), 0);
        assert_int_equal(mkfifoat(fd, "sbin/init", 0777), 0);
        assert_int_equal(find(*state, &init, &error), -ENOENT);
        world_put(*state, "/init", "program", 0755);
        assert_init(*state, INIT_OTHER, "/init");
}

/* Links that would leave the tree end in the tree's own file of that name, or nowhere. */
static void test_escapes(void **state)
{
        _cleanup_error_ Error error = ERROR_NULL;
        InitProgram init = {};
        char outside[] = "/tmp/stead-test-XXXXXX";
        _cleanup_free_ char *target = NULL;

        assert_non_null(mkdtemp(outside));
        world_put(outside, "/init", "/run/initctl", 0755);
        assert_true(asprintf(&target, "%s/init", outside) > 0);
        world_link(*state, target, "/sbin/init");
        world_link(*state, "../../../../../../../../../../../proc/self/exe", "/init");
        world_link(*state, "/lib/systemd/systemd", "/lib/systemd/systemd"); /* itself */
        assert_int_equal(find(*state, &init, &error), -ENOENT);
        world_put(*state, target, "BusyBox v", 0755);
        assert_init(*state, INIT_BUSYBOX, "/sbin/init");
        assert_int_equal(remove_tree_at(AT_FDCWD, outside), 0);
}

/* Every init can be stopped and rebooted in some way; only a plain command is just killed. */
static void test_methods(void **state)
{
        for (int k = 0; k < _INIT_KIND_MAX; k++) {
                StopMethod stop, reboot;
                int stop_signal, reboot_signal;

                init_stop_method((InitKind)k, &stop, &stop_signal);
                init_reboot_method((InitKind)k, &reboot, &reboot_signal);
                assert_true(stop == STOP_SIGNAL || stop_signal == 0);
                assert_true(reboot == STOP_SIGNAL || reboot_signal == 0);
                assert_true(stop != STOP_AUTO && reboot != STOP_AUTO);
                assert_int_equal(stop == STOP_SIGNAL && stop_signal == 0, k == INIT_NONE);
                assert_int_equal(reboot == STOP_SIGNAL && reboot_signal == 0, k == INIT_NONE);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_kinds),        WITH_DIRECTORY(test_missing),
                WITH_DIRECTORY(test_not_executable), WITH_DIRECTORY(test_no_programs),
                WITH_DIRECTORY(test_escapes),        cmocka_unit_test(test_methods),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
