/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Strings as JSON. */

#include "base/json.h"

#include "../unit.h"

static const struct {
        const char *in, *out;
} rows[] = {
        { "", "\"\"" },
        { "plain", "\"plain\"" },
        { "a\"b\\c", "\"a\\\"b\\\\c\"" },
        { "\n\t\x1b\x7f", "\"\\u000a\\u0009\\u001b\\u007f\"" },
        { "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"" },
        { "J\xfcrgen", "\"J\\ufffdrgen\"" },             /* Latin-1 */
        { "\xc0\xaf", "\"\\ufffd\\ufffd\"" },            /* overlong */
        { "\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"" }, /* surrogate */
        { "\xe2\x82", "\"\\ufffd\\ufffd\"" },            /* cut short */
};

static void test_string(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_buffer_ Buffer b = BUFFER_NULL;

                json_write_string(&b, rows[i].in);
                assert_int_equal(buffer_error(&b), 0);
                assert_string_equal(b.data, rows[i].out);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_string) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
