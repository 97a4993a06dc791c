/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of units: an instance takes a machine's name as it is, a scope's name is escaped. */

#include "../world.h"

#include "bus/systemd.h"

static void test_names(void **state)
{
        static const char *const rows[][3] = {
                { "web", "stead@web.service", "machine-web.scope" },
                { "my-web", "stead@my-web.service", "machine-my\\x2dweb.scope" },
                { "a.b_c", "stead@a.b_c.service", "machine-a.b_c.scope" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *service = NULL, *scope = NULL;

                assert_int_equal(systemd_service_of(rows[i][0], &service), 0);
                assert_int_equal(systemd_scope_of(rows[i][0], &scope), 0);
                assert_string_equal(service, rows[i][1]);
                assert_string_equal(scope, rows[i][2]);
        }
}

int main(void)
{
        static const struct CMUnitTest tests[] = { cmocka_unit_test(test_names) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
