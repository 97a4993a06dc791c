/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which links a machine gets, from words of a command line: names, MAC addresses, what is refused.
 */

#include "net-world.h"

#include "made.h"

#include "network/mac.h"

/* "kind host(altname) inside", one link a line. */
static char *list(const NetworkPlan *plan)
{
        Buffer out = BUFFER_NULL;

        for (size_t i = 0; i < plan->n_links; i++)
                buffer_printf(&out, "%s %s(%s) %s\n",
                              network_link_kind_to_string(plan->links[i].kind),
                              plan->links[i].host.name, plan->links[i].host.altname,
                              plan->links[i].inside);
        if (plan->bridge)
                buffer_printf(&out, "bridge %s\n", plan->bridge);
        if (plan->zone.name[0])
                buffer_printf(&out, "zone %s\n", plan->zone.name);
        buffer_puts(&out, "");
        return buffer_steal(&out);
}

static const struct {
        const char *name, *words, *links;
} rows[] = {
        { "web", "-n", "veth ve-web() host0\n" },
        { "web", "--network-bridge=br0", "veth vb-web() host0\nbridge br0\n" },
        { "web", "--network-zone=lan", "veth vb-web() host0\nzone vz-lan\n" },
        { "very-long-container-name", "-n",
          "veth ve-very-lonfPYR(ve-very-long-container-name) host0\n" },
        { "web", "--network-macvlan=eth0", "macvlan eth0() mv-eth0\n" },
        { "web", "--network-macvlan=eth0:lan0|--network-ipvlan=eth1",
          "macvlan eth0() lan0\nipvlan eth1() iv-eth1\n" },
        { "web", "--network-ipvlan=enp0s31f6u1u2", "ipvlan enp0s31f6u1u2() iv-enp0s31fzDP_\n" },
        { "web", "--network-interface=eth0|--network-interface=eth1:in0",
          "interface eth0() eth0\ninterface eth1() in0\n" },
        { "web", "--network-interface=eth0|--network-veth-extra=ve-x:x|-n",
          "veth ve-web() host0\nveth-extra ve-x() x\ninterface eth0() eth0\n" },
};

static void test_links(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_error_ Error e = ERROR_NULL;
                _cleanup_free_ char *links = NULL;
                NetworkPlan plan = NETWORK_PLAN_NULL;

                if (plan_try(rows[i].name, rows[i].words, &plan, &e) < 0)
                        fail_msg("%s: %s", rows[i].words, e.message);
                links = list(&plan);
                assert_string_equal(links, rows[i].links);
                network_plan_done(&plan);
        }
}

static const struct {
        const char *name, *words, *message;
} refused[] = {
        { "web", "-n|--network-veth-extra=ve-x:host0",
          "Two links of 'web' would be called 'host0' inside: its veth and its veth-extra. Write "
          "HOST:INSIDE for one of them" },
        { "web", "--network-macvlan=eth0|--network-ipvlan=eth1:mv-eth0",
          "its macvlan and its ipv" },
};

static void test_refused(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(refused); i++) {
                _cleanup_error_ Error e = ERROR_NULL;
                NetworkPlan plan = NETWORK_PLAN_NULL;

                assert_int_equal(plan_try(refused[i].name, refused[i].words, &plan, &e), -EINVAL);
                if (!strstr(e.message, refused[i].message))
                        fail_msg("'%s' is not in: %s", refused[i].message, e.message);
                assert_int_equal(plan.n_links, 0);
        }
}

static void assert_mac(const MacAddress *mac, const char *expected)
{
        char text[18];

        (void)snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac->bytes[0],
                       mac->bytes[1], mac->bytes[2], mac->bytes[3], mac->bytes[4], mac->bytes[5]);
        assert_string_equal(text, expected);
}

/* Those of systemd-nspawn; the same as in test-mac.c. */
static void test_macs(void **state)
{
        NetworkPlan plan = NETWORK_PLAN_NULL;

        assert_int_equal(plan_try("web",
                                  "-n|--network-veth-extra=a|--network-veth-extra=b|"
                                  "--network-macvlan=c|--network-ipvlan=d",
                                  &plan, NULL),
                         0);
        assert_mac(&plan.links[0].host_mac, "c2:f0:3c:dc:9e:ff");
        assert_mac(&plan.links[0].inside_mac, "ce:4b:63:b9:e2:16");
        assert_mac(&plan.links[1].host_mac, "16:8c:04:be:49:25");
        assert_mac(&plan.links[2].host_mac, "ea:44:d9:13:0a:4d");
        assert_mac(&plan.links[2].inside_mac, "32:4c:4d:c8:66:93");
        assert_mac(&plan.links[3].inside_mac, "ae:25:a1:20:cb:b6");
        assert_mac(&plan.links[4].inside_mac, "00:00:00:00:00:00");
        network_plan_done(&plan);
}

/* MACAddress= is host0's, or else the first macvlan's. */
static void test_given_mac(void **state)
{
        NetworkPlan plan = NETWORK_PLAN_NULL;

        assert_int_equal(plan_try("web",
                                  "-n|--network-macvlan=c|"
                                  "--network-mac-address=02:00:5e:00:53:01",
                                  &plan, NULL),
                         0);
        assert_mac(&plan.links[0].inside_mac, "02:00:5e:00:53:01");
        assert_mac(&plan.links[0].host_mac, "c2:f0:3c:dc:9e:ff");
        assert_mac(&plan.links[1].inside_mac, "ae:25:a1:20:cb:b6");
        network_plan_done(&plan);
        assert_int_equal(plan_try("web",
                                  "--network-macvlan=c|--network-macvlan=d|"
                                  "--network-mac-address=02:00:5e:00:53:01",
                                  &plan, NULL),
                         0);
        assert_mac(&plan.links[0].inside_mac, "02:00:5e:00:53:01");
        assert_mac(&plan.links[1].inside_mac, "0a:6f:8a:d0:65:2c");
        network_plan_done(&plan);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_links),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_macs),
                cmocka_unit_test(test_given_mac),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
