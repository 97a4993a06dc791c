/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is taken out of a small tree whose links are out to leave it. */

#include "image/closure.h"

#include "base/fd.h"
#include "base/strv.h"

#include "../unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char top[] = "/tmp/stead-closure.XXXXXX";
static int root = -EBADF;

static void file(const char *path, const char *text)
{
        int fd = openat(root, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

        assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
        close(fd);
}

static void link_to(const char *target, const char *path)
{
        assert_int_equal(symlinkat(target, root, path), 0);
}

static int setup(void **state)
{
        static const char *const directories[] = { "usr", "usr/bin", "usr/lib", "etc", "etc/d" };

        assert_non_null(mkdtemp(top));
        root = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        for (size_t i = 0; i < ELEMENTSOF(directories); i++)
                assert_int_equal(mkdirat(root, directories[i], 0755), 0);
        link_to("usr/bin", "bin");
        file("usr/bin/inside", "inside");
        file("etc/d/a", "a");
        link_to("/usr/bin/inside", "etc/absolute");
        link_to("../../../../../usr/bin/inside", "etc/beyond");
        link_to("loop-b", "etc/loop-a");
        link_to("loop-a", "etc/loop-b");
        link_to("../d", "etc/d/self");
        link_to("/etc/hostname", "etc/d/nowhere");
        link_to("a/b", "etc/d/no-directory");
        link_to("around", "etc/d/around");
        assert_int_equal(mkfifoat(root, "usr/bin/fifo", 0644), 0);
        file("usr/bin/script", "#!/bin/missing -x\n");
        file("usr/bin/itself", "#!/usr/bin/itself\n");
        file("usr/bin/text", "text");
        return 0;
}

static int teardown(void **state)
{
        char command[64];

        close(root);
        (void)snprintf(command, sizeof(command), "rm -r %s", top);
        return system(command); /* NOLINT: a constant and a name of mkdtemp() */
}

static void resolves(const char *path, const char *expected, int result)
{
        _cleanup_carry_ Carry c = { .root_fd = root };
        _cleanup_free_ char *real = NULL;

        assert_int_equal(carry_add(&c, path, "test", &real), result);
        if (result < 0) {
                assert_int_equal(c.n, 0); /* nothing of it */
                return;
        }
        assert_string_equal(real, expected);
        assert_non_null(carry_find(&c, expected));
        for (size_t i = 0; i < c.n; i++)
                assert_string_equal(c.items[i].why, "test");
}

static void test_links(void **state)
{
        resolves("/bin/inside", "/usr/bin/inside", 0);
        resolves("/etc/absolute", "/usr/bin/inside", 0);
        resolves("/etc/beyond", "/usr/bin/inside", 0);
        resolves("/../../usr/bin/inside", "/usr/bin/inside", 0);
        resolves("/bin/../lib/../bin/inside", "/usr/bin/inside", 0); /* beside usr/bin, not /bin */
        resolves("/bin/../bin/inside", "/usr/bin/inside", 0);
        resolves("/etc/loop-a", NULL, -ELOOP);
        resolves("/etc/nothing", NULL, -ENOENT);
}

static void test_all_of_a_directory(void **state)
{
        _cleanup_carry_ Carry c = { .root_fd = root };

        assert_int_equal(carry_add_all(&c, "/etc/d", "test"), 0);
        assert_non_null(carry_find(&c, "/etc/d/a"));
        assert_non_null(carry_find(&c, "/etc/d/self"));
        assert_null(carry_find(&c, "/etc/d/nowhere")); /* the host has one */
}

/* By a machine that runs in the tree. */
static void test_file_becomes_fifo(void **state)
{
        _cleanup_carry_ Carry c = { .root_fd = root };
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_close_ int target = -EBADF;

        assert_int_equal(mkdirat(root, "target", 0755), 0);
        target = openat(root, "target", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        file("etc/changes", "text");
        assert_int_equal(carry_add(&c, "/etc/changes", "test", NULL), 0);
        assert_int_equal(unlinkat(root, "etc/changes", 0), 0);
        assert_int_equal(mkfifoat(root, "etc/changes", 0644), 0);
        alarm(20);
        assert_int_equal(carry_copy(&c, target, &error), -EBADFD);
        alarm(0);
}

static void program(const char *word, int expected, const char *text)
{
        _cleanup_closure_ Closure c = CLOSURE_NULL;
        _cleanup_error_ Error error = ERROR_NULL;

        assert_int_equal(closure_open(root, &c, NULL), 0);
        assert_int_equal(closure_add_program(&c, word, NULL, &error), expected);
        if (!error.message || !strstr(error.message, text))
                fail_msg("%s", error.message);
}

static void test_programs(void **state)
{
        program("missing", -ENOENT, "There is no program 'missing'");
        program("./inside", -EINVAL, "those begin with '/'");
        program("fifo", -EBADFD, "'/usr/bin/fifo' is neither a file nor a directory");
        program("text", -ENOEXEC, "not an ELF file");
        program("script", -ENOENT, "interpreter of '/usr/bin/script'");
        program("itself", -ELOOP, "itself");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_links),
                cmocka_unit_test(test_all_of_a_directory),
                cmocka_unit_test(test_file_becomes_fifo),
                cmocka_unit_test(test_programs),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
