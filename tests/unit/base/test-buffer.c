/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The growing string. */

#include "../unit.h"
#include "base/buffer.h"

#include <string.h>

static void test_grows(void **state)
{
        _cleanup_buffer_ Buffer b = BUFFER_NULL;

        for (int i = 0; i < 1000; i++)
                buffer_printf(&b, "%03d,", i);
        assert_int_equal(b.size, 4000);
        assert_int_equal(strlen(b.data), 4000);
        assert_memory_equal(b.data + 3996, "999,", 4);
}

static void test_binary(void **state)
{
        _cleanup_buffer_ Buffer b = BUFFER_NULL;

        buffer_append(&b, "a\0b", 3);
        assert_int_equal(b.size, 3);
        assert_memory_equal(b.data, "a\0b", 4); /* and a NUL behind it */
}

static void test_empty(void **state)
{
        _cleanup_buffer_ Buffer b = BUFFER_NULL;
        _cleanup_free_ char *s = buffer_steal(&b);

        assert_string_equal(s, "");
}

static void test_failure_is_sticky(void **state)
{
        _cleanup_buffer_ Buffer b = BUFFER_NULL;

        buffer_puts(&b, "x");
        b.failed = true;
        buffer_puts(&b, "y");
        assert_int_equal(b.size, 1);
        assert_int_equal(buffer_error(&b), -12);
        assert_null(buffer_steal(&b));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_grows),
                cmocka_unit_test(test_binary),
                cmocka_unit_test(test_empty),
                cmocka_unit_test(test_failure_is_sticky),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
