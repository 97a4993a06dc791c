/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The user database of a tree that nobody should trust. */

#include "base/fd.h"
#include "machine/user.h"

#include "../unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[] = "/tmp/test-user-XXXXXX";
static int root_fd;

static int set_up(void **state)
{
        if (!mkdtemp(directory))
                return -1;
        root_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return root_fd < 0 ? -1 : mkdirat(root_fd, "etc", 0755);
}

static int tear_down(void **state)
{
        (void)close(root_fd);
        return remove_tree_at(AT_FDCWD, directory);
}

static void put(const char *path, const char *text)
{
        assert_int_equal(write_file_atomic_at(root_fd, path, text, 0644), 0);
}

static void test_without_passwd(void **state)
{
        _cleanup_user_ User root = USER_NULL, number = USER_NULL;
        _cleanup_user_ User nobody = USER_NULL;

        assert_int_equal(user_find(root_fd, NULL, &root, NULL), 0);
        assert_int_equal(root.uid, 0);
        assert_string_equal(root.home, "/");
        assert_string_equal(root.shell, "/bin/sh");
        assert_int_equal(user_find(root_fd, "1000", &number, NULL), 0);
        assert_int_equal(number.uid, 1000);
        assert_int_equal(number.gid, 1000);
        assert_int_equal(user_find(root_fd, "joe", &nobody, NULL), -ESRCH);
        assert_int_equal(user_find(root_fd, "4294967295", &nobody, NULL), -ESRCH);
}

static void test_groups(void **state)
{
        _cleanup_user_ User joe = USER_NULL, by_number = USER_NULL, other = USER_NULL;
        _cleanup_error_ Error error = ERROR_NULL;

        put("etc/passwd", "root:x:0:0:root:/root:/bin/bash\nbad line\n"
                          "joe:x:1000:100:Joe:/home/joe:/bin/zsh\nann:x:1001:100:::\n");
        put("etc/group", "root:x:0:\nwheel:x:10:ann,joe\nusers:x:100:joe\nx:x:11:joey\n");
        assert_int_equal(user_find(root_fd, "joe", &joe, NULL), 0);
        assert_int_equal(joe.uid, 1000);
        assert_string_equal(joe.home, "/home/joe");
        assert_int_equal(joe.n_groups, 2);
        assert_int_equal(joe.groups[0], 100);
        assert_int_equal(joe.groups[1], 10);
        assert_int_equal(user_find(root_fd, "1001", &by_number, NULL), 0);
        assert_string_equal(by_number.name, "ann");
        assert_string_equal(by_number.home, "/");
        assert_string_equal(by_number.shell, "/bin/sh");
        assert_int_equal(user_find(root_fd, "jo", &other, &error), -ESRCH);
        assert_string_equal(error.message, "The machine has no user 'jo'");
}

/* A link out of the tree reads the tree's file of that name, or nothing. */
static void test_hostile_link(void **state)
{
        _cleanup_user_ User u = USER_NULL;

        assert_int_equal(unlinkat(root_fd, "etc/passwd", 0), 0);
        assert_int_equal(symlinkat("../../../../../etc/passwd-of-host", root_fd, "etc/passwd"), 0);
        put("etc/passwd-of-host", "inside:x:7:7::/:/bin/sh\n");
        assert_int_equal(user_find(root_fd, "inside", &u, NULL), 0);
        assert_int_equal(u.uid, 7);
        assert_int_equal(unlinkat(root_fd, "etc/passwd", 0), 0);
        assert_int_equal(mkfifoat(root_fd, "etc/passwd", 0644), 0);
        user_done(&u);
        assert_true(user_find(root_fd, "inside", &u, NULL) < 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_without_passwd),
                cmocka_unit_test(test_groups),
                cmocka_unit_test(test_hostile_link),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
