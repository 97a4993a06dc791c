/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an image policy says of a partition, as systemd.image-policy(7) has it. */

#include "../unit.h"

#include "config/image-policy.h"

static void test_policies(void **state)
{
        static const struct {
                const char *policy, *partition;
                int flags;
        } rows[] = {
                { NULL, "root", IMAGE_POLICY_OPEN },
                { "*", "home", IMAGE_POLICY_OPEN },
                { "-", "root", IMAGE_POLICY_IGNORE },
                { "~", "root", IMAGE_POLICY_ABSENT },
                { "root=verity", "root", IMAGE_POLICY_VERITY },
                { "root=verity", "home", IMAGE_POLICY_IGNORE },
                { "root=verity+unprotected:=open", "home", IMAGE_POLICY_OPEN },
                { "=absent:root=verity+unprotected", "root",
                  IMAGE_POLICY_VERITY | IMAGE_POLICY_UNPROTECTED },
                { "=absent:root=verity", "usr", IMAGE_POLICY_ABSENT },
                { "home=ignore+read-only-on", "home",
                  IMAGE_POLICY_IGNORE | IMAGE_POLICY_READ_ONLY },
                { "home=read-only-on", "home", IMAGE_POLICY_OPEN | IMAGE_POLICY_READ_ONLY },
                { "swap=absent:root=signed+encrypted+growfs-off", "root",
                  IMAGE_POLICY_SIGNED | IMAGE_POLICY_ENCRYPTED },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_int_equal(image_policy_find(rows[i].policy, rows[i].partition, NULL),
                                 rows[i].flags);
}

static void test_mistakes(void **state)
{
        static const char *const rows[] = { "root", "rood=open", "root=opem", "root=open:x",
                                            "root" };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_error_ Error error = ERROR_NULL;

                assert_int_equal(image_policy_find(rows[i], "home", &error), -EINVAL);
                assert_non_null(error.message);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_policies),
                cmocka_unit_test(test_mistakes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
