/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The plan as JSON is JSON, whatever is in it, and as text it has a line for each fact. */

#include "planned.h"

#include <jansson.h>

static json_t *print_json(const BootPlan *plan)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);
        json_error_t error;
        json_t *json;

        assert_non_null(f);
        assert_int_equal(boot_plan_print(plan, true, f), 0);
        assert_int_equal(fclose(f), 0);
        json = json_loads(text, JSON_REJECT_DUPLICATES, &error);
        if (!json)
                fail_msg("%s in line %d of %s", error.text, error.line, text);
        assert_true(json_is_object(json));
        return json;
}

static void assert_text(const json_t *json, const char *key, const char *value)
{
        const json_t *v = json_object_get(json, key);

        if (!v || !json_is_string(v) || strcmp(json_string_value(v), value) != 0)
                fail_msg("%s is %s, not '%s'", key, v ? json_string_value(v) : "missing", value);
}

static bool list_has(const json_t *json, const char *key, const char *value)
{
        const json_t *v;
        size_t i;

        json_array_foreach(json_object_get(json, key), i,
                           v) if (strcmp(json_string_value(v), value) == 0) return true;
        return false;
}

static void test_facts(void **state)
{
        static const struct {
                const char *key, *value;
        } texts[] = {
                { "machine", "web" },
                { "hostname", "h" },
                { "uuid", "01234567-89ab-cdef-0123-456789abcdef" },
                { "start", "init" },
                { "init", "sysvinit" },
                { "user", "root" },
                { "volatile", "state" },
                { "user-namespace", "fixed" },
                { "ownership", "off" },
                { "console", "passive" },
                { "stop-method", "initctl" },
                { "resolv-conf", "off" },
                { "timezone", "off" },
                { "link-journal", "no" },
        };
        _cleanup_plan_ BootPlan *plan = plan_of(
                *state,
                "-b|--hostname=h|--uuid=0123456789abcdef0123456789abcdef|--volatile=state|"
                "--private-users=1048576|--private-network|--console=passive|--stop-timeout=30|"
                "--resolv-conf=off|--timezone=off|--link-journal=no|--bind=/tmp:/mnt:idmap|"
                "--set-credential=key:secret-value|--system-call-filter=@swap ~bpf|-E|A=b|"
                "--rlimit=NOFILE=10:20|--no-new-privileges=yes|--notify-ready=yes|-x");
        json_t *json = print_json(plan);

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                assert_text(json, texts[i].key, texts[i].value);
        assert_text(json, "directory", plan->directory);
        assert_true(json_is_true(json_object_get(json, "private-network")));
        assert_true(json_is_true(json_object_get(json, "read-only")));
        assert_true(json_is_true(json_object_get(json, "ephemeral")));
        assert_true(json_is_true(json_object_get(json, "no-new-privileges")));
        assert_true(json_is_true(json_object_get(json, "notify-ready")));
        assert_true(json_is_false(json_object_get(json, "nesting")));
        assert_int_equal(json_integer_value(json_object_get(json, "user-base")), 1048576);
        assert_int_equal(json_integer_value(json_object_get(json, "stop-timeout-seconds")), 30);
        assert_non_null(
                strstr(json_string_value(json_object_get(json, "capabilities")), "CAP_NET_ADMIN"));
        assert_true(list_has(json, "command", "/sbin/init"));
        assert_true(list_has(json, "environment", "A=b"));
        assert_true(list_has(json, "limits", "7 10:20"));
        assert_true(list_has(json, "credentials", "key"));
        assert_true(list_has(json, "mounts", "bind /tmp -> /mnt idmap (--bind)"));
        assert_true(list_has(json, "system-calls-denied", "bpf"));
        json_decref(json);
}

/* Quotes, control characters and bytes that are no UTF-8, where a person can put them. */
static void test_awkward_values(void **state)
{
        static const char *const values[] = {
                "A=\"\\\"", "A=\t\n\r\x01\x1f", "A=\xc3\xa9", "A=\xff\xfe", "A=\xc3", "A=\x7f",
        };

        for (size_t i = 0; i < ELEMENTSOF(values); i++) {
                _cleanup_plan_ BootPlan *plan = plan_of(*state, "-b");
                json_t *json;

                assert_int_equal(strv_push(&plan->environment, values[i]), 0);
                json = print_json(plan);
                if (i < 3)
                        assert_true(list_has(json, "environment", values[i]));
                json_decref(json);
        }
}

/* A secret is named, never shown. */
static void test_no_secrets(void **state)
{
        _cleanup_plan_ BootPlan *plan = plan_of(*state, "-b|--set-credential=key:secret-value");

        for (int as_json = 0; as_json < 2; as_json++) {
                _cleanup_free_ char *text = NULL;
                size_t size = 0;
                FILE *f = open_memstream(&text, &size);

                assert_int_equal(boot_plan_print(plan, as_json, f), 0);
                assert_int_equal(fclose(f), 0);
                assert_non_null(strstr(text, "key"));
                assert_null(strstr(text, "secret-value"));
        }
}

static void test_text(void **state)
{
        _cleanup_plan_ BootPlan *plan = plan_of(*state, "-b|-E|A=b");
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);

        assert_int_equal(boot_plan_print(plan, false, f), 0);
        assert_int_equal(fclose(f), 0);
        assert_non_null(strstr(text, "             machine: web\n"));
        assert_non_null(strstr(text, "     private-network: no\n"));
        assert_non_null(strstr(text, "A=b\n"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_TREE(test_facts),
                WITH_TREE(test_awkward_values),
                WITH_TREE(test_no_secrets),
                WITH_TREE(test_text),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
