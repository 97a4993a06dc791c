/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which links of a host are uplinks. */

#include "network/uplink.h"

#include "net-world.h"

#include "base/strv.h"

#include <sys/socket.h>

static void assert_uplinks(int family, const char *expected)
{
        static char *const ours[] = { (char *)"custom0", NULL };
        _cleanup_strv_ char **found = NULL, **wanted = NULL;

        assert_int_equal(uplink_list(family, ours, &found, NULL), 0);
        assert_int_equal(strv_split(expected, " ", &wanted), 0);
        STRV_FOREACH (w, wanted)
                if (!strv_contains(found, *w))
                        fail_msg("%s is not found as an uplink", *w);
        assert_int_equal(strv_length(found), strv_length(wanted));
}

static void test_uplinks(void **state)
{
        assert_true(
                shell("for l in up0 down0 local0 unnumbered0 table0 direct0 eth0.7 hop1 hop2 ve-x "
                      "custom0; do"
                      " ip link add $l type bridge; ip link set $l up; done;"
                      "ip addr add 192.0.2.1/24 dev up0; ip addr add 2001:db8::1/64 dev up0 nodad;"
                      "ip addr add 203.0.113.1/24 dev down0; ip link set down0 down;"
                      "ip addr add 169.254.3.4/16 dev local0;"
                      "ip route add 10.1.0.0/16 dev direct0 scope link;"
                      "ip addr add 203.0.113.129/25 dev eth0.7;"
                      "ip addr add 100.64.0.1/32 dev ve-x; ip addr add 100.64.0.1/32 dev custom0;"
                      "ip route add 10.2.0.0/16 via 10.9.9.9 dev table0 onlink table 77;"
                      "ip -6 route add 2001:db8:5::/48 via fe80::1 dev table0 table 77;"
                      "ip route add 10.3.0.0/16 via inet6 fe80::1 dev unnumbered0;"
                      "ip route add 10.4.0.0/16 nexthop via 10.8.8.1 dev hop1 onlink"
                      " nexthop via 10.8.8.2 dev hop2 onlink"));
        assert_uplinks(AF_INET, "up0 down0 eth0.7 table0 unnumbered0 hop1 hop2");
        assert_uplinks(AF_INET6, "up0 table0");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ON_HOST(test_uplinks),
        };
        int r = world_enter() ?: net_world_check();

        return r != 0 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
