/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whole reads, replacements, directories and removal of trees, in a temporary directory. */

#include "../unit.h"
#include "base/directory.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int make_directory(void **state)
{
        char *path = strdup("/tmp/stead-test-XXXXXX");

        *state = mkdtemp(path);
        return *state ? 0 : -1;
}

static int drop_directory(void **state)
{
        int r = remove_tree_at(AT_FDCWD, *state);

        free(*state);
        return r;
}

static void test_write_and_read(void **state)
{
        _cleanup_close_ int d = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_free_ char *text = NULL;
        struct stat st;

        assert_int_equal(write_file_atomic_at(d, "f", "one\n", 0600), 0);
        assert_int_equal(write_file_synced_at(d, "f", "two\n", 0644), 0);
        assert_int_equal(read_file_at(d, "f", 100, &text), 4);
        assert_string_equal(text, "two\n");
        assert_int_equal(fstatat(d, "f", &st, 0), 0);
        assert_int_equal(st.st_mode & 0777, 0644);
}

static unsigned count_entries(int dirfd, const char *path)
{
        _cleanup_closedir_ DIR *d = fdopendir(openat(dirfd, path, O_RDONLY | O_DIRECTORY));
        unsigned n = 0;

        while (readdir(d))
                n++;
        return n - 2; /* . and .. */
}

static void test_new(void **state)
{
        _cleanup_close_ int d = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_free_ char *text = NULL;
        struct stat st;

        assert_int_equal(mkdirat(d, "new", 0755), 0);
        assert_int_equal(write_file_new_at(d, "new/f", "mine\n", 0640), 0);
        assert_int_equal(write_file_new_at(d, "new/f", "theirs\n", 0640), -EEXIST);
        assert_int_equal(write_file_new_at(d, "none/f", "", 0640), -ENOENT);
        assert_int_equal(read_file_at(d, "new/f", 100, &text), 5);
        assert_string_equal(text, "mine\n");
        assert_int_equal(fstatat(d, "new/f", &st, 0), 0);
        assert_int_equal(st.st_mode & 0777, 0640);
        assert_int_equal(count_entries(d, "new"), 1);
}

static void test_limits(void **state)
{
        _cleanup_close_ int d = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_free_ char *text = NULL;

        assert_int_equal(write_file_atomic_at(d, "f", "12345", 0600), 0);
        assert_int_equal(read_file_at(d, "f", 4, &text), -EFBIG);
        assert_null(text);
        assert_int_equal(read_file_at(d, "f", 5, &text), 5);
        assert_int_equal(symlinkat("f", d, "link"), 0);
        assert_int_equal(read_file_at(d, "link", 5, &text), -ELOOP);
        assert_int_equal(read_file_at(d, "none", 5, &text), -ENOENT);
}

static void test_trees(void **state)
{
        _cleanup_close_ int d = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct stat st;

        assert_int_equal(mkdir_parents_at(d, "a/b/c", 0755), 0);
        assert_int_equal(mkdir_parents_at(d, "a/b/c", 0755), 0);
        assert_int_equal(write_file_atomic_at(d, "a/b/f", "", 0600), 0);
        assert_int_equal(write_file_atomic_at(d, "outside", "", 0600), 0);
        assert_int_equal(symlinkat("../outside", d, "a/link"), 0);
        assert_int_equal(remove_tree_at(d, "a"), 0);
        assert_int_equal(fstatat(d, "a", &st, AT_SYMLINK_NOFOLLOW), -1);
        assert_int_equal(fstatat(d, "outside", &st, 0), 0);
        assert_int_equal(remove_tree_at(d, "a"), 0);
}

static void test_directory(void **state)
{
        _cleanup_closedir_ DIR *d = opendir(*state);
        struct dirent *e = NULL;

        assert_int_equal(mkdirat(dirfd(d), ".hidden", 0700), 0);
        assert_int_equal(directory_next(d, &e), 1);
        assert_string_equal(e->d_name, ".hidden");
        assert_int_equal(directory_next(d, &e), 0);
        /* what cannot be read has no end */
        rewinddir(d);
        assert_true(dup3(STDERR_FILENO, dirfd(d), O_CLOEXEC) >= 0);
        assert_int_equal(directory_next(d, &e), -ENOTDIR);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_write_and_read, make_directory,
                                                drop_directory),
                cmocka_unit_test_setup_teardown(test_new, make_directory, drop_directory),
                cmocka_unit_test_setup_teardown(test_limits, make_directory, drop_directory),
                cmocka_unit_test_setup_teardown(test_directory, make_directory, drop_directory),
                cmocka_unit_test_setup_teardown(test_trees, make_directory, drop_directory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
