/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is written reads back, and zeros take no room. */

#include "os/sparse.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include <setjmp.h>

#include <cmocka.h>

#define SIZE ((size_t)64 * 4096 + 100)

static void write_and_compare(const char *data, size_t size, off_t offset, ssize_t expected)
{
        _cleanup_close_ int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        _cleanup_free_ char *back = malloc(size);
        struct stat st;

        assert_true(fd >= 0 && back);
        assert_int_equal(sparse_write(fd, data, size, offset), expected);
        assert_int_equal(ftruncate(fd, offset + (off_t)size), 0);
        assert_int_equal(pread(fd, back, size, offset), size);
        assert_memory_equal(back, data, size);
        assert_int_equal(fstat(fd, &st), 0);
        assert_true(st.st_blocks * 512 <= expected + 8192);
}

static void test_pieces(void **state)
{
        _cleanup_free_ char *data = calloc(1, SIZE);

        assert_non_null(data);
        write_and_compare(data, SIZE, 0, 0);
        data[5 * 4096 + 17] = 'x';
        data[6 * 4096] = 'y';
        write_and_compare(data, SIZE, 0, 8192);
        write_and_compare(data, SIZE, 1 << 20, 8192);
        data[SIZE - 1] = 'z'; /* in a block that is not whole */
        write_and_compare(data, SIZE, 0, 8192 + 100);
        data[0] = 'a';
        write_and_compare(data, SIZE, 0, 3 * 4096 + 100);
        memset(data, 'b', SIZE);
        write_and_compare(data, SIZE, 0, (ssize_t)SIZE);
        write_and_compare(data, 1, 0, 1);
}

static void test_errors(void **state)
{
        _cleanup_close_ int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

        assert_int_equal(sparse_write(fd, "x", 1, 0), -ENOSPC);
        assert_int_equal(sparse_write(fd, "", 0, 0), 0);
        assert_int_equal(sparse_write(-1, "x", 1, 0), -EBADF);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pieces),
                cmocka_unit_test(test_errors),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
