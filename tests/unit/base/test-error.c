/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Error values: the deepest cause wins, context goes in front. */

#include "../unit.h"
#include "base/error.h"

static void test_first_wins(void **state)
{
        _cleanup_error_ Error e = ERROR_NULL;

        assert_int_equal(error_set(&e, EBUSY, "tree '%s' is busy", "x"), -EBUSY);
        assert_int_equal(error_set(&e, EINVAL, "later"), -EINVAL);
        assert_int_equal(e.number, EBUSY);
        assert_string_equal(e.message, "tree 'x' is busy");
}

static void test_prefix_and_errno(void **state)
{
        _cleanup_error_ Error e = ERROR_NULL;

        assert_int_equal(error_errno(&e, ENOENT, "open"), -ENOENT);
        assert_int_equal(error_prefix(&e, "Mounting '%s'", "/a"), -ENOENT);
        assert_string_equal(e.message, "Mounting '/a': open: No such file or directory");
}

static void test_hint_is_replaced(void **state)
{
        _cleanup_error_ Error e = ERROR_NULL;

        (void)error_set(&e, EINVAL, "m");
        error_hint(&e, "one");
        error_hint(&e, "two %d", 2);
        assert_string_equal(e.hint, "two 2");
}

static void test_move(void **state)
{
        _cleanup_error_ Error from = ERROR_NULL, to = ERROR_NULL;

        (void)error_set(&from, EIO, "cause");
        assert_int_equal(error_move(&to, &from), -EIO);
        assert_string_equal(to.message, "cause");
        assert_int_equal(from.number, 0);
        assert_null(from.message);
        (void)error_set(&from, EPERM, "other");
        assert_int_equal(error_move(&to, &from), -EPERM);
        assert_string_equal(to.message, "cause");
        assert_null(from.message);
}

static void test_null_is_fine(void **state)
{
        assert_int_equal(error_set(NULL, EIO, "x"), -EIO);
        error_hint(NULL, "x");
        error_done(NULL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_first_wins),       cmocka_unit_test(test_prefix_and_errno),
                cmocka_unit_test(test_hint_is_replaced), cmocka_unit_test(test_move),
                cmocka_unit_test(test_null_is_fine),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
