/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What one user has, another does not lack. */

#include "../unit.h"
#include "service/quota.h"

#include <errno.h>

static void test_limits(void **state)
{
        Quota q = QUOTA_NULL;

        for (QuotaKind kind = 0; kind < _QUOTA_KIND_MAX; kind++) {
                for (unsigned i = 0; i < quota_limit(1000, kind); i++)
                        assert_int_equal(quota_take(&q, 1000, kind), 0);
                assert_int_equal(quota_take(&q, 1000, kind), -EDQUOT);
                assert_int_equal(quota_take(&q, 1001, kind), 0);
                assert_int_equal(quota_take(&q, 0, kind), 0);
                assert_int_equal(q.used[kind], quota_limit(1000, kind) + 2);
                assert_true(quota_limit(0, kind) >= quota_limit(1000, kind));
        }
        assert_int_equal(q.n_users, 3);
        quota_give_back(&q, 1000, QUOTA_JOB);
        assert_int_equal(quota_take(&q, 1000, QUOTA_JOB), 0);
        assert_int_equal(quota_take(&q, 1000, QUOTA_JOB), -EDQUOT);
        quota_done(&q);
}

/* Together they have less than all of them could, and root has its own. */
static void test_all_users_together(void **state)
{
        Quota q = QUOTA_NULL;
        uid_t uid = 1000;

        while (quota_take(&q, uid, QUOTA_JOB) >= 0)
                uid++;
        assert_int_equal(quota_take(&q, uid, QUOTA_JOB), -EUSERS);
        assert_int_equal(quota_take(&q, 0, QUOTA_JOB), 0);
        quota_give_back(&q, 0, QUOTA_JOB);
        assert_int_equal(quota_take(&q, uid, QUOTA_JOB), -EUSERS);
        quota_give_back(&q, 1000, QUOTA_JOB);
        assert_int_equal(quota_take(&q, uid, QUOTA_JOB), 0);
        assert_int_equal(q.n_users, uid - 1000); /* none for whom there was nothing */
        quota_done(&q);
}

/* Users that have nothing are not remembered; what is given back twice does not count. */
static void test_forgets(void **state)
{
        Quota q = QUOTA_NULL;

        for (uid_t uid = 0; uid < 60; uid++)
                assert_int_equal(quota_take(&q, uid, QUOTA_CALL), 0);
        for (uid_t uid = 0; uid < 60; uid += 2)
                quota_give_back(&q, uid, QUOTA_CALL);
        quota_give_back(&q, 0, QUOTA_CALL);
        quota_give_back(&q, 1, QUOTA_JOB);
        assert_int_equal(q.n_users, 30);
        assert_int_equal(q.used[QUOTA_CALL], 30);
        assert_int_equal(q.used[QUOTA_JOB], 0);
        for (uid_t uid = 1; uid < 60; uid += 2)
                quota_give_back(&q, uid, QUOTA_CALL);
        assert_int_equal(q.n_users, 0);
        quota_done(&q);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_limits),
                cmocka_unit_test(test_all_users_together),
                cmocka_unit_test(test_forgets),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
