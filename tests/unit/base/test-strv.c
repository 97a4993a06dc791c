/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* String arrays. */

#include "../unit.h"
#include "base/strv.h"

#include <errno.h>

static void assert_words(const char *text, const char *joined)
{
        _cleanup_strv_ char **v = NULL;
        _cleanup_free_ char *again = NULL;

        assert_int_equal(strv_split_quoted(text, &v), 0);
        again = strv_join(v, "|");
        assert_string_equal(again, joined);
}

static void test_split_quoted(void **state)
{
        _cleanup_strv_ char **v = NULL;

        assert_words("", "");
        assert_words("  a  b ", "a|b");
        assert_words("'a b' \"c d\"", "a b|c d");
        assert_words("a'b'\"c\"", "abc");
        assert_words("\"\" x", "|x");
        assert_words("a\\sb \\x41", "a b|A");
        assert_int_equal(strv_split_quoted("'a", &v), -EINVAL);
        assert_int_equal(strv_split_quoted("a\\", &v), -EINVAL);
        assert_null(v);
}

static void test_lists(void **state)
{
        _cleanup_strv_ char **v = NULL, **copy = NULL;
        _cleanup_free_ char *joined = NULL;

        assert_int_equal(strv_length(NULL), 0);
        assert_int_equal(strv_split(",a,,b", ",", &v), 0);
        assert_int_equal(strv_length(v), 2);
        assert_int_equal(strv_pushf(&v, "%d", 3), 0);
        assert_int_equal(strv_copy(v, &copy), 0);
        assert_true(strv_contains(copy, "3"));
        assert_false(strv_contains(copy, "c"));
        assert_int_equal(strv_extend(&copy, v), 0);
        assert_int_equal(strv_length(copy), 6);
        strv_sort(copy);
        strv_sort(NULL);
        joined = strv_join(copy, " ");
        assert_string_equal(joined, "3 3 a a b b");
}

static void test_environment(void **state)
{
        _cleanup_strv_ char **v = NULL;

        assert_int_equal(strv_env_set(&v, "A=1"), 0);
        assert_int_equal(strv_env_set(&v, "AB=2"), 0);
        assert_int_equal(strv_env_set(&v, "A=3=x"), 0);
        assert_int_equal(strv_length(v), 2);
        assert_string_equal(strv_env_get(v, "A"), "3=x");
        assert_string_equal(strv_env_get(v, "AB"), "2");
        assert_null(strv_env_get(v, "B"));
        assert_null(strv_env_get(NULL, "B"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_split_quoted),
                cmocka_unit_test(test_lists),
                cmocka_unit_test(test_environment),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
