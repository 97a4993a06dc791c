/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Strict scalar parsers: tables of what is a value and what is not. */

#include "../unit.h"
#include "base/parse.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

static void test_boolean(void **state)
{
        assert_int_equal(parse_boolean("Yes"), 1);
        assert_int_equal(parse_boolean("1"), 1);
        assert_int_equal(parse_boolean("off"), 0);
        assert_int_equal(parse_boolean("2"), -EINVAL);
        assert_int_equal(parse_boolean(""), -EINVAL);
        assert_int_equal(parse_boolean("yes "), -EINVAL);
}

static void test_numbers(void **state)
{
        static const char *const bad[] = { "", "-1", " 1", "1 ", "+1", "1x", "0x", "x" };
        uint32_t u = 7;
        uint64_t v = 0;
        int i = 0;

        for (size_t k = 0; k < ELEMENTSOF(bad); k++)
                assert_int_equal(parse_uint32(bad[k], &u), -EINVAL);
        assert_int_equal(u, 7);
        assert_int_equal(parse_uint32("4294967295", &u), 0);
        assert_int_equal(u, UINT32_MAX);
        assert_int_equal(parse_uint32("4294967296", &u), -ERANGE);
        assert_int_equal(parse_uint64("18446744073709551616", &v), -ERANGE);
        assert_int_equal(parse_uint64("0x10", &v), 0);
        assert_int_equal(v, 16);
        assert_int_equal(parse_int("-5", &i), 0);
        assert_int_equal(i, -5);
        assert_int_equal(parse_int("--5", &i), -EINVAL);
        assert_int_equal(parse_int("2147483648", &i), -ERANGE);
}

static void test_size(void **state)
{
        static const char *const texts[] = { "0", "1", "1000", "1K", "1536K", "512M", "3G", "15E" };
        uint64_t v = 0;

        assert_int_equal(parse_size("4K", &v), 0);
        assert_int_equal(v, 4096);
        assert_int_equal(parse_size("1GiB", &v), 0);
        assert_int_equal(v, 1 << 30);
        assert_int_equal(parse_size("infinity", &v), 0);
        assert_true(v == UINT64_MAX);
        assert_int_equal(parse_size("16E", &v), -ERANGE);
        assert_int_equal(parse_size("4X", &v), -EINVAL);
        assert_int_equal(parse_size("K", &v), -EINVAL);
        assert_int_equal(parse_size("", &v), -EINVAL);
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                char text[32];

                assert_int_equal(parse_size(texts[i], &v), 0);
                assert_string_equal(size_to_string(v, text, sizeof(text)), texts[i]);
        }
}

static void test_time(void **state)
{
        static const struct {
                const char *text;
                uint64_t usec;
        } good[] = {
                { "90", 90 * USEC_PER_SEC },      { "1min 30s", 90 * USEC_PER_SEC },
                { "1min30s", 90 * USEC_PER_SEC }, { "500ms", 500000 },
                { "2 h", 7200 * USEC_PER_SEC },   { "infinity", USEC_INFINITY },
        };
        static const char *const bad[] = {
                "", " ", "s", "1 fortnight", "-1", "99999999999999999999"
        };
        uint64_t v = 0;

        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                assert_int_equal(parse_time(good[i].text, USEC_PER_SEC, &v), 0);
                assert_true(v == good[i].usec);
        }
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_true(parse_time(bad[i], USEC_PER_SEC, &v) < 0);
}

static void test_signals(void **state)
{
        char text[32];

        assert_int_equal(parse_signal("SIGTERM"), SIGTERM);
        assert_int_equal(parse_signal("TERM"), SIGTERM);
        assert_int_equal(parse_signal("9"), 9);
        assert_int_equal(parse_signal("SIGRTMIN+3"), SIGRTMIN + 3);
        assert_int_equal(parse_signal("RTMAX-1"), SIGRTMAX - 1);
        assert_int_equal(parse_signal("SIGRTMIN+99"), -EINVAL);
        assert_int_equal(parse_signal("0"), -EINVAL);
        assert_int_equal(parse_signal("SIGNOPE"), -EINVAL);
        assert_int_equal(parse_signal(""), -EINVAL);
        for (int i = 1; i <= SIGRTMAX; i++)
                assert_int_equal(parse_signal(signal_to_string(i, text, sizeof(text))), i);
}

static void test_escapes(void **state)
{
        _cleanup_buffer_ Buffer b = BUFFER_NULL;
        size_t used = 0;

        assert_int_equal(parse_c_escape("\\n", &b, &used), 0);
        assert_int_equal(used, 2);
        assert_int_equal(parse_c_escape("\\x00z", &b, &used), 0);
        assert_int_equal(used, 4);
        assert_int_equal(parse_c_escape("\\u20ac", &b, &used), 0);
        assert_int_equal(used, 6);
        assert_int_equal(parse_c_escape("\\101", &b, &used), 0);
        assert_int_equal(b.size, 6);
        assert_memory_equal(b.data,
                            "\n\0\xe2\x82\xac"
                            "A",
                            6);
        assert_int_equal(parse_c_escape("\\", &b, &used), -EINVAL);
        assert_int_equal(parse_c_escape("\\x1", &b, &used), -EINVAL);
        assert_int_equal(parse_c_escape("\\400", &b, &used), -EINVAL);
        assert_int_equal(parse_c_escape("\\q", &b, &used), -EINVAL);
}

static void test_id128(void **state)
{
        static const char plain[] = "0123456789abcdef0123456789abcdef";
        Id128 id = {};
        char text[37];

        assert_int_equal(parse_id128(plain, &id), 0);
        assert_string_equal(id128_to_string(&id, text), plain);
        assert_string_equal(id128_to_uuid(&id, text), "01234567-89ab-cdef-0123-456789abcdef");
        assert_int_equal(parse_id128(text, &id), 0);
        assert_int_equal(parse_id128("00000000000000000000000000000000", &id), -EINVAL);
        assert_int_equal(parse_id128("0123", &id), -EINVAL);
        assert_int_equal(parse_id128("0123456789abcdef0123456789abcdeg", &id), -EINVAL);
        assert_int_equal(parse_id128("012345678-9ab-cdef-0123-456789abcdef", &id), -EINVAL);
        assert_string_equal(id128_to_string(&id, text), plain);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_boolean), cmocka_unit_test(test_numbers),
                cmocka_unit_test(test_size),    cmocka_unit_test(test_time),
                cmocka_unit_test(test_signals), cmocka_unit_test(test_escapes),
                cmocka_unit_test(test_id128),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
