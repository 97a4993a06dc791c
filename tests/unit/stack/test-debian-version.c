/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The order of versions, as `dpkg --compare-versions` has it. */

#include "../unit.h"
#include "base/cleanup.h"
#include "stack/debian-version.h"

static void test_order(void **state)
{
        /* each older than the next */
        static const char *const order[] = {
                "~~",
                "~~a",
                "~",
                "",
                "0.9~rc1",
                "0.9",
                "1.0~~",
                "1.0~",
                "1.0~a",
                "1.0",
                "1.0-0.1",
                "1.0-1~bpo1",
                "1.0-1",
                "1.0-1+b1",
                "1.0-1+deb12u1",
                "1.0-1+deb12u9",
                "1.0-1+deb12u10",
                "1.0-1.1",
                "1.0-2",
                "1.0a",
                "1.0+dfsg-1",
                "1.0.1",
                "1.2",
                "1.10",
                "2",
                "1:0.1",
                "1:1.0-1-1",
                "2:0",
        };

        for (size_t i = 0; i < ELEMENTSOF(order); i++)
                for (size_t j = 0; j < ELEMENTSOF(order); j++) {
                        int r = debian_version_compare(order[i], order[j]);

                        if ((i < j && r >= 0) || (i > j && r <= 0) || (i == j && r != 0))
                                fail_msg("'%s' against '%s': %d", order[i], order[j], r);
                }
}

static void test_equal(void **state)
{
        assert_int_equal(debian_version_compare("1.0", "0:1.0"), 0);
        assert_int_equal(debian_version_compare("1.0", "1.0-0"), 0);
        assert_int_equal(debian_version_compare("1.01-007", "1.1-7"), 0);
        assert_int_equal(debian_version_compare(NULL, NULL), 0);
        assert_true(debian_version_compare(NULL, "~") < 0);
}

static void test_stable_update(void **state)
{
        assert_true(debian_version_is_stable_update("3.0.17-1~deb12u2"));
        assert_true(debian_version_is_stable_update("2.36-9+deb12u10"));
        assert_false(debian_version_is_stable_update("2.36-9"));
        assert_false(debian_version_is_stable_update("1.0+debian12u1"));
        assert_false(debian_version_is_stable_update("1.0+deb12"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_order),
                cmocka_unit_test(test_equal),
                cmocka_unit_test(test_stable_update),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
