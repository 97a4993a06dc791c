/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table itself: every row complete, no name twice, every default and every choice readable. */

#include "../unit.h"
#include "config/option.h"

#include "base/strv.h"

#include <string.h>

static void test_rows_are_complete(void **state)
{
        for (size_t i = 0; i < option_count; i++) {
                const Option *o = &option_table[i];

                assert_true(o->key || o->name || o->letter);
                assert_true(!o->key == !o->section);
                assert_non_null(o->help);
                if (strlen(o->help) > 60)
                        fail_msg("'%s' is too long for --help", o->help);
                assert_true(o->twin_yes || (o->parse && o->format));
                assert_true((o->argument == OPTION_NO_ARGUMENT) == !o->metavar);
                assert_true(!o->twin_yes || (i > 0 && !option_table[i - 1].twin_yes));
                assert_true(!o->section || !o->letter || o->name);
        }
}

static void test_names_are_unique(void **state)
{
        for (size_t i = 0; i < option_count; i++) {
                const Option *o = &option_table[i];

                assert_true(!o->name || option_by_name(o->name) == o);
                assert_true(!o->letter || option_by_letter(o->letter) == o);
                assert_true(!o->key || option_by_key(o->section, o->key) == o);
                for (size_t k = 0; o->key && k < i; k++) /* one meaning in all sections */
                        assert_true(!option_table[k].key ||
                                    strcmp(option_table[k].key, o->key) != 0);
        }
}

/* What can be listed can be said, and is written as it was said. */
static void test_choices_round_trip(void **state)
{
        for (size_t i = 0; i < option_count; i++) {
                const Option *o = &option_table[i];
                _cleanup_strv_ char **choices = NULL;

                assert_int_equal(option_choices(o, &choices), 0);
                STRV_FOREACH (choice, choices) {
                        _cleanup_settings_ Settings *s = NULL;
                        _cleanup_buffer_ Buffer text = BUFFER_NULL;
                        _cleanup_error_ Error error = ERROR_NULL;

                        if (o->from_word) /* RLIMIT_CPU is only half of a value */
                                continue;
                        assert_int_equal(settings_new(&s), 0);
                        assert_int_equal(o->parse(o, *choice, "", s, &error), 0);
                        assert_int_equal(o->format(o, s, &text), 0);
                        assert_string_equal(text.data, *choice);
                }
        }
}

static void test_tables_round_trip(void **state)
{
        static const StringTable *const tables[] = {
                &volatile_mode_table, &user_namespace_mode_table, &ownership_table,
                &console_mode_table,  &resolv_conf_table,         &timezone_table,
                &link_journal_table,  &settings_mode_table,       &stop_method_table,
                &mount_kind_table,    &bind_idmap_table,
        };

        for (size_t t = 0; t < ELEMENTSOF(tables); t++)
                for (int i = 0; i < tables[t]->count; i++) {
                        const char *name = string_table_name(tables[t], i);

                        if (name)
                                assert_int_equal(string_table_value(tables[t], name), i);
                }
        assert_int_equal(volatile_mode_table.count, _VOLATILE_MODE_MAX);
        assert_int_equal(user_namespace_mode_table.count, _USER_NAMESPACE_MODE_MAX);
        assert_int_equal(ownership_table.count, _OWNERSHIP_MAX);
        assert_int_equal(console_mode_table.count, _CONSOLE_MODE_MAX);
        assert_int_equal(resolv_conf_table.count, _RESOLV_CONF_MAX);
        assert_int_equal(timezone_table.count, _TIMEZONE_MAX);
        assert_int_equal(link_journal_table.count, _LINK_JOURNAL_MAX);
        assert_int_equal(settings_mode_table.count, _SETTINGS_MODE_MAX);
        assert_int_equal(stop_method_table.count, _STOP_METHOD_MAX);
        assert_int_equal(mount_kind_table.count, _MOUNT_KIND_MAX);
        assert_int_equal(bind_idmap_table.count, _BIND_IDMAP_MAX);
}

/* The rule of nspawn 257, key by key; a new key must be thought of here. */
static void test_trust(void **state)
{
        static const char *const untrusted[] = {
                "ReadOnly",
                "Volatile",
                "PivotRoot",
                "CheckOSRelease",
                "Boot",
                "ProcessTwo",
                "Parameters",
                "WorkingDirectory",
                "Environment",
                "User",
                "KillSignal",
                "StopMethod",
                "NotifyReady",
                "SuppressSync",
                "Hostname",
                "DropCapability",
                "NoNewPrivileges",
                "Personality",
                "ResolvConf",
                "Timezone",
                "TemporaryTmp",
        };

        for (size_t i = 0; i < option_count; i++) {
                const Option *o = &option_table[i];
                bool listed = false;

                if (!o->key)
                        continue;
                for (size_t k = 0; k < ELEMENTSOF(untrusted); k++)
                        listed = listed || strcmp(untrusted[k], o->key) == 0;
                if (strcmp(o->key, "SystemCallFilter") == 0)
                        assert_int_equal(o->trust, OPTION_DENY_UNTRUSTED);
                else
                        assert_int_equal(o->trust, listed ? OPTION_UNTRUSTED : OPTION_TRUSTED);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rows_are_complete),
                cmocka_unit_test(test_names_are_unique),
                cmocka_unit_test(test_choices_round_trip),
                cmocka_unit_test(test_tables_round_trip),
                cmocka_unit_test(test_trust),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
