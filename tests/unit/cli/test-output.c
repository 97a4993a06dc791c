/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What people and programs read: tables, sizes, spans, console text; and the escape they type. */

#include "base/cleanup.h"
#include "base/parse.h"
#include "cli/console-text.h"
#include "cli/escape.h"
#include "cli/format.h"
#include "cli/printable.h"
#include "cli/table.h"

#include "../unit.h"

#include <string.h>

static void assert_clean(const char *in, bool colors, const char *expected)
{
        _cleanup_free_ char *out = console_text_clean(in, strlen(in), colors);

        assert_string_equal(out, expected);
}

static void test_console_text(void **state)
{
        assert_clean("a\r\nb\tc\n", false, "a\nb\tc\n");
        assert_clean("\033[1;32mok\033[0m", false, "ok");
        assert_clean("\033[1;32mok\033[0m\033[2J\033[H", true, "\033[1;32mok\033[0m");
        assert_clean("\033]0;title\ax\033]8;;http://h\033\\y", false, "xy");
        assert_clean("\033(B\033=\033cz\x7f\b\x01", false, "z");
        assert_clean("caf\xc3\xa9", false, "caf\xc3\xa9");
        assert_clean("cut\033", false, "cut");
        assert_clean("cut\033[", true, "cut");
        assert_clean("cut\033]x", false, "cut");
}

static void test_tail(void **state)
{
        assert_string_equal(console_text_tail("a\nb\nc\n", 2), "b\nc\n");
        assert_string_equal(console_text_tail("a\nb\nc", 1), "c");
        assert_string_equal(console_text_tail("a\nb", 9), "a\nb");
        assert_string_equal(console_text_tail("", 3), "");
}

static void test_format(void **state)
{
        char b[FORMAT_MAX];

        assert_string_equal(format_size(0, b), "0B");
        assert_string_equal(format_size(1023, b), "1023B");
        assert_string_equal(format_size(1536, b), "1.5K");
        assert_string_equal(format_size(UINT64_C(5) << 30, b), "5.0G");
        assert_string_equal(format_size(UINT64_MAX, b), "15.9E");
        assert_string_equal(format_span(59 * USEC_PER_SEC, b), "59s");
        assert_string_equal(format_span(125 * USEC_PER_SEC, b), "2min");
        assert_string_equal(format_span(7500 * USEC_PER_SEC, b), "2h 5min");
        assert_string_equal(format_span(3 * 86400 * USEC_PER_SEC, b), "3 days");
}

static void assert_printable(const char *in, const char *text, const char *json)
{
        _cleanup_free_ char *out = printable_text(in);
        json_t *value = printable_json(in);

        assert_string_equal(out, text);
        assert_string_equal(json_string_value(value), json);
        json_decref(value);
}

static void test_printable(void **state)
{
        json_t *none = printable_json(NULL);

        assert_printable("/usr/bin/caf\xc3\xa9 x\\y", "/usr/bin/caf\xc3\xa9 x\\y",
                         "/usr/bin/caf\xc3\xa9 x\\y");
        assert_printable("\033[2Ja\n\x7f", "\\033[2Ja\\012\\177", "\033[2Ja\n\x7f");
        assert_printable("\xc2\x9b"
                         "2J\xc2\xa0",
                         "\\302\\2332J\xc2\xa0",
                         "\xc2\x9b"
                         "2J\xc2\xa0");
        assert_printable("\xff\xc3", "\\377\\303", "\xef\xbf\xbd\xef\xbf\xbd");
        assert_printable("", "", "");
        assert_true(json_is_null(none));
        json_decref(none);
}

static void test_escape(void **state)
{
        Escape e = {};
        size_t n;

        assert_true(escape_feed(&e, "ab\035\035\035cd", 7, 0, &n));
        assert_int_equal(n, 4);
        e = (Escape){};
        assert_false(escape_feed(&e, "\035\035x\035", 4, 0, &n));
        assert_int_equal(n, 4);
        e = (Escape){};
        assert_false(escape_feed(&e, "\035", 1, 0, &n));
        assert_false(escape_feed(&e, "\035", 1, USEC_PER_SEC / 2, &n));
        assert_true(escape_feed(&e, "\035", 1, USEC_PER_SEC, &n));
        e = (Escape){};
        assert_false(escape_feed(&e, "\035\035", 2, 0, &n));
        assert_false(escape_feed(&e, "\035", 1, 2 * USEC_PER_SEC, &n));
}

static void test_table_json(void **state)
{
        static const Column columns[] = {
                { "NAME", "name", false },
                { "SIZE", "size", true },
                { NULL, "hidden", false },
        };
        _cleanup_table_ Table *t = table_new(columns, ELEMENTSOF(columns));
        char *text;
        json_t *array;

        table_add(t, "web", NULL);
        table_add(t, "1.0K", json_integer(1024));
        table_add(t, NULL, NULL);
        assert_int_equal(table_rows(t), 1);
        array = table_to_json(t);
        text = json_dumps(array, JSON_COMPACT | JSON_SORT_KEYS);
        assert_string_equal(text, "[{\"hidden\":null,\"name\":\"web\",\"size\":1024}]");
        free(text);
        json_decref(array);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_console_text), cmocka_unit_test(test_tail),
                cmocka_unit_test(test_format),       cmocka_unit_test(test_printable),
                cmocka_unit_test(test_escape),       cmocka_unit_test(test_table_json),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
