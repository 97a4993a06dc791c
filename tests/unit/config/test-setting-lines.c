/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is in force of a definition with drop-ins: lines of [Resources] for systemd, and the record
 * of what a machine was started with, there and back. */

#include "parsed.h"

#include "config/resource-lines.h"
#include "config/setting-lines.h"

static Definition *definition_of(const char *text)
{
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        Definition *d = calloc(1, sizeof(*d));

        assert_non_null(d);
        assert_int_equal(definition_parse(d, "x.machine", text, strlen(text), DEFINITION_MACHINE,
                                          &diagnostics),
                         0);
        diagnostics_print(&diagnostics, stderr);
        assert_int_equal(diagnostics.n, 0);
        return d;
}

static void expect_resources(const char *text, const char *expected)
{
        _cleanup_definition_ Definition *d = definition_of(text);
        _cleanup_strv_ char **lines = NULL;
        _cleanup_free_ char *all = NULL;

        assert_int_equal(resource_lines(d, &lines), 0);
        all = strv_join(lines, "; ");
        assert_string_equal(all ?: "", expected);
}

static void test_resources(void **state)
{
        (void)state;
        expect_resources("[Exec]\nBoot=yes\n", "");
        expect_resources("[Resources]\nMemoryMax=1G\nCPUWeight=20\n[Unit]\nAfter=x.service\n",
                         "MemoryMax=1G; CPUWeight=20");
        expect_resources("[Resources]\nMemoryMax=1G\nMemoryMax=2G\n", "MemoryMax=2G");
        expect_resources("[Resources]\nMemoryMax=1G\nMemoryMax=\n", "");
        expect_resources("[Resources]\nIOReadIOPSMax=/dev/vda 10\nIOReadIOPSMax=/dev/vdb 20\n",
                         "IOReadIOPSMax=/dev/vda 10; IOReadIOPSMax=/dev/vdb 20");
        expect_resources("[Resources]\nIOReadIOPSMax=/dev/vda 10\nIOReadIOPSMax=\n"
                         "IOReadIOPSMax=/dev/vdb 20\n",
                         "IOReadIOPSMax=/dev/vdb 20");
        /* systemd adds them up in files, on the bus the last would count */
        expect_resources("[Resources]\nAllowedCPUs=0-1\nAllowedCPUs=3\n", "AllowedCPUs=0-1 3");
        expect_resources("[Resources]\nAllowedCPUs=0-1\nAllowedCPUs=\nAllowedCPUs=3\n",
                         "AllowedCPUs=3");
}

static void expect_setting(const SettingLines *s, const char *section, const char *key,
                           const char *value, const char *origin)
{
        _cleanup_free_ char *found = NULL;
        const char *from = NULL;

        assert_int_equal(setting_lines_find(s, section, key, &found, &from), 0);
        if (!value) {
                assert_null(found);
                return;
        }
        assert_string_equal(found, value);
        assert_string_equal(from, origin);
}

static void test_record(void **state)
{
        _cleanup_definition_ Definition *d =
                definition_of("[Exec]\nBoot=yes\nHostname=a\nHostname=b\nUser=\n"
                              "[Files]\nBind=/a\nBind=\nBind=/b:/c\\\\td\nBind=/e\n"
                              "[Resources]\nMemoryMax=1G\nMemoryMax=2G\n"
                              "[Unit]\nAfter=a.service\nAfter=b.service\n");
        _cleanup_setting_lines_ SettingLines there = SETTING_LINES_NULL, back = SETTING_LINES_NULL;
        _cleanup_free_ char *text = NULL, *again = NULL;

        (void)state;
        assert_int_equal(setting_lines_collect(&d->assignments, d, &there), 0);
        assert_int_equal(setting_lines_format(&there, &text), 0);
        assert_int_equal(setting_lines_parse(text, &back), 0);
        assert_int_equal(setting_lines_format(&back, &again), 0);
        assert_string_equal(text, again);
        expect_setting(&back, "Exec", "Boot", "yes", "x.machine:2");
        expect_setting(&back, "Exec", "Hostname", "b", "x.machine:4");
        expect_setting(&back, "Exec", "User", NULL, NULL);
        expect_setting(&back, "Files", "Bind", "/b:/c\\\\td\n/e", "x.machine:10");
        expect_setting(&back, "Resources", "MemoryMax", "2G", "x.machine:13");
        expect_setting(&back, "Unit", "After", "a.service\nb.service", "x.machine:16");
        expect_setting(&back, "Exec", "Timezone", NULL, NULL);
}

static void test_damaged_records(void **state)
{
        static const char *const damaged[] = {
                "x",
                "Exec\tBoot\n",
                "Exec\tBoot\ta:1\tyes", /* no end */
                "Exec\tBoot\ta:1\tyes\tno\n",
                "Exec\tBoot\ta:1\t\\xzz\n",
                "\n",
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(damaged); i++) {
                _cleanup_setting_lines_ SettingLines s = SETTING_LINES_NULL;

                assert_int_equal(setting_lines_parse(damaged[i], &s), -EBADMSG);
                assert_int_equal(s.n, 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_resources),
                cmocka_unit_test(test_record),
                cmocka_unit_test(test_damaged_records),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
