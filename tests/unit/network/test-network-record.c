/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is written down of a network, and texts that are none. */

#include "network/network.h"

#include "../world.h"

#include <string.h>

static const NetworkPlan plan = NETWORK_PLAN_NULL;

static void test_round_trip(void **state)
{
        static const char *const texts[] = {
                "addressing none\n",
                ("addressing pool\nown 100.64.3.7 fd00::7\naddress 100.64.3.7/32\n"
                 "address fd00::7/128\ngateway 100.64.0.1\ngateway fd00::1\n"),
                "addressing declared\naddress 192.0.2.5/24\ngateway 192.0.2.1\n",
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_error_ Error error = ERROR_NULL;
                _cleanup_free_ char *text = NULL;
                Network n = NETWORK_NULL;

                if (network_restore(&plan, "dns", texts[i], &n, &error) < 0)
                        fail_msg("%s", error.message);
                assert_int_equal(network_format(&n, &text), 0);
                assert_string_equal(text, texts[i]);
                network_leave(&n);
        }
}

static void test_refused(void **state)
{
        static const char *const texts[] = {
                "addressing magic\n",
                "own 1.2.3.4\n",
                "own fd00::1 1.2.3.4\n",
                "address 1.2.3.4\n",
                "address 1.2.3.4/129\n",
                "address x/24\n",
                "gateway 1.2.3.4 5\n",
                "gateway\n",
                "nonsense\n",
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_error_ Error error = ERROR_NULL;
                Network n = NETWORK_NULL;

                assert_int_equal(network_restore(&plan, "dns", texts[i], &n, &error), -EBADMSG);
                assert_int_equal(n.host_fd, -EBADF);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
