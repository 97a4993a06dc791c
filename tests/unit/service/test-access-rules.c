/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every method of the interfaces has a rule, every rule of ours a method, every action a policy. */

#include "../world.h"

#include "service/access-rules.h"

static char *read_text(const char *name)
{
        _cleanup_free_ char *path = NULL;
        char *text = NULL;

        assert_true(asprintf(&path, DBUS_DIRECTORY "/%s", name) > 0);
        assert_true(read_file_at(AT_FDCWD, path, 1024 * 1024, &text) > 0);
        return text;
}

static const char *const interfaces[] = { "Manager", "Machine", "Job", "Process" };

static void test_methods(void **state)
{
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(interfaces); i++) {
                _cleanup_free_ char *file = NULL, *name = NULL, *text = NULL;

                assert_true(asprintf(&name, "org.stead1.%s", interfaces[i]) > 0);
                assert_true(asprintf(&file, "%s.xml", name) > 0);
                text = read_text(file);
                for (char *p = text; (p = strstr(p, "<method name=\"")); n++) {
                        _cleanup_free_ char *member = NULL;

                        p += strlen("<method name=\"");
                        member = strndup(p, strcspn(p, "\""));
                        if (!access_rule_find(name, member))
                                fail_msg("no rule for %s.%s", name, member);
                }
        }
        assert_int_equal(n, 32);
}

static void test_nothing_else(void **state)
{
        assert_null(access_rule_find(NULL, "Start"));
        assert_null(access_rule_find("org.stead1.Manager", NULL));
        assert_null(access_rule_find("org.stead1.Manager", "start"));
        assert_null(access_rule_find("org.stead1.Machine", "Start"));
        assert_null(access_rule_find("org.freedesktop.DBus.ObjectManager", "GetManagedObjects"));
}

static void test_actions(void **state)
{
        _cleanup_free_ char *text = read_text("org.stead1.policy");

        assert_null(access_action_to_string(ACCESS_FREE));
        for (AccessAction a = ACCESS_FREE + 1; a < _ACCESS_ACTION_MAX; a++) {
                _cleanup_free_ char *element = NULL;

                assert_true(asprintf(&element, "<action id=\"%s\">", access_action_to_string(a)) >
                            0);
                assert_non_null(strstr(text, element));
        }
        assert_int_equal(access_rule_find("org.stead1.Manager", "Exec")->action, ACCESS_EXEC);
        assert_true(access_rule_find("org.stead1.Manager", "Plan")->definition);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_methods),
                cmocka_unit_test(test_nothing_else),
                cmocka_unit_test(test_actions),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
