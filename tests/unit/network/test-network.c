/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Networks of machines go up and down between namespaces of our own: what is made, what others
 * made stays theirs, and nothing is left. */

#include "network/network.h"

#include "net-world.h"

#include "made.h"

#include <arpa/inet.h>

static void assert_refused(Made *m, const char *name, const char *words, int number,
                           const char *message)
{
        _cleanup_error_ Error e = ERROR_NULL;
        int r = made_acquire(m, name, words, &e);

        r = r < 0 ? r : made_up(m, &e);
        assert_int_equal(r, -number);
        if (!strstr(e.message, message))
                fail_msg("'%s' is not in: %s", message, e.message);
}

/* A port on which nobody listens is answered, too. */
static bool reaches_gateway(const Made *m)
{
        struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
        _cleanup_close_ int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), fd = -EBADF;
        int r;

        to.sin_addr = m->network.gateway4.v4;
        assert_int_equal(setns(m->netns, CLONE_NEWNET), 0);
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        r = connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0 ? errno : 0;
        assert_int_equal(setns(own, CLONE_NEWNET), 0);
        return r == ECONNREFUSED;
}

static void test_veth(void **state)
{
        _cleanup_made_ Made m = MADE_NULL;

        made_start(&m, "web", "-n|--network-veth-extra=ve-more:more0|--network-mtu=1400");
        assert_true(
                shell("ip -o link show ve-web | grep -q 'mtu 1400.*state UP.*alias stead:web'"));
        assert_true(shell("ip -o link show ve-more | grep -q 'alias stead:web'"));
        assert_true(inside(&m,
                           "ip -o link show host0 | grep -q 'mtu 1400.*LOWER_UP\\|LOWER_UP.*mtu "
                           "1400'"));
        assert_true(inside(&m, "ip -o link show more0 | grep -q LOWER_UP"));
        assert_true(inside(&m, "ip route show default | grep -q 'via 100.64.0.1 dev host0'"));
        assert_true(inside(&m, "ip -6 route show default | grep -q 'via fd.*::1 dev host0'"));
        assert_true(reaches_gateway(&m));
        network_down(&m.network);
        assert_false(exists("ve-web") || exists("ve-more"));
        assert_false(shell("ip route show table all | grep -q 100.64"));
}

/* Neither taken nor marked as ours, which would be as good as taken at the next start. */
static void test_foreign_link(void **state)
{
        for (unsigned i = 0; i < 2; i++) {
                _cleanup_made_ Made m = MADE_NULL;

                assert_true(i > 0 || shell("ip link add ve-web type bridge"));
                assert_refused(&m, "web", "-n", EEXIST,
                               "The host has a network interface 've-web' already (not one of "
                               "ours)");
                made_stop(&m);
                assert_true(exists("ve-web"));
                assert_false(shell("ip -o link show ve-web | grep -q alias"));
        }
}

/* CI-183: two names that became one. */
static void test_collision(void **state)
{
        _cleanup_made_ Made m = MADE_NULL;

        assert_true(shell("ip link add ve-very-lonfPYR type bridge &&"
                          "ip link set ve-very-lonfPYR alias stead:very-long-other"));
        assert_refused(&m, "very-long-container-name", "-n", EEXIST,
                       "(stead:very-long-other): two names became one when they were shortened");
        assert_true(exists("ve-very-lonfPYR"));
}

static void test_long_name(void **state)
{
        _cleanup_made_ Made m = MADE_NULL;

        made_start(&m, "very-long-container-name", "-n");
        assert_true(exists("ve-very-lonfPYR") && exists("ve-very-long-container-name"));
}

/* A killed launcher's link, here kept alive by its other end. */
static void test_left_over(void **state)
{
        _cleanup_made_ Made m = MADE_NULL;

        assert_true(shell("ip link add ve-web type veth peer name x &&"
                          "ip link set ve-web alias stead:web"));
        made_start(&m, "web", "-n");
        assert_false(exists("x"));
}

/* One that was killed before it could sign: gone as soon as the kernel gets to it. */
static void test_unsigned_left_over(void **state)
{
        _cleanup_made_ Made m = MADE_NULL;

        assert_true(shell("ip link add ve-web address c2:f0:3c:dc:9e:ff type veth peer name x;"
                          "{ sleep 0.2; ip link delete ve-web; } &"));
        made_start(&m, "web", "-n");
}

static void test_again(void **state)
{
        _cleanup_made_ Made m = MADE_NULL;
        _cleanup_error_ Error e = ERROR_NULL;
        AddressPair own;

        made_start(&m, "web", "-n");
        own = m.network.own;
        for (unsigned i = 0; i < 3; i++) { /* reboots */
                network_down(&m.network);
                if (made_up(&m, &e) < 0)
                        fail_msg("%s", e.message);
                assert_true(reaches_gateway(&m));
        }
        made_stop(&m);
        made_start(&m, "web", "-n");
        assert_memory_equal(&own, &m.network.own, sizeof(own));
}

/* The second one with an address takes nothing from the first. */
static void test_same_address(void **state)
{
        _cleanup_made_ Made one = MADE_NULL, two = MADE_NULL;

        made_start(&one, "one",
                   "-n|--network-address=192.0.2.5/24|--network-address=2001:db8::5/64");
        assert_refused(&two, "two", "-n|--network-address=192.0.2.5/24", EEXIST,
                       "The host has a route to an address of 'two' already");
        made_stop(&two);
        assert_refused(&two, "two", "--network-zone=lan|--network-address=2001:db8::5/64", EEXIST,
                       "The host has a route to an address of 'two' already");
        made_stop(&two);
        assert_true(shell("ip route show 192.0.2.5 | grep -q ve-one"));
        assert_true(shell("ip -6 route show 2001:db8::5 | grep -q ve-one"));
        assert_false(exists("ve-two") || exists("vb-two") || exists("vz-lan"));
}

static void test_zone(void **state)
{
        _cleanup_made_ Made one = MADE_NULL, two = MADE_NULL;
        char address[INET_ADDRSTRLEN];
        MacAddress mac[2];
        AddressPair own;

        made_start(&one, "one", "--network-zone=lan");
        assert_true(exists("vb-one") && exists("vz-lan"));
        own = one.network.own;
        for (unsigned i = 0; i < 2; i++) { /* neighbours need not learn another MAC address */
                _cleanup_link_ Link zone = LINK_NULL;

                assert_int_equal(link_find(one.network.host_fd, LINK_BY_NAME("vz-lan"), &zone), 0);
                mac[i] = zone.mac;
                if (i == 0)
                        made_start(&two, "two", "--network-zone=lan");
        }
        (void)inet_ntop(AF_INET, &one.network.own.v4, address, sizeof(address));
        made_stop(&one);
        assert_true(exists("vz-lan"));
        assert_memory_equal(&mac[0], &mac[1], sizeof(mac[0]));
        assert_false(shell("ip route show table all | grep -q '%s '", address));
        /* with its neighbour still there */
        made_start(&one, "one", "--network-zone=lan");
        assert_memory_equal(&own, &one.network.own, sizeof(own));
        made_kill(&one);
        made_start(&one, "one", "--network-zone=lan");
        assert_memory_equal(&own, &one.network.own, sizeof(own));
        made_stop(&one);
        made_stop(&two);
        assert_false(exists("vz-lan"));
}

static void test_bridge(void **state)
{
        _cleanup_made_ Made m = MADE_NULL;

        assert_refused(&m, "web", "--network-bridge=br0", ENODEV, "The host has no bridge 'br0'");
        made_stop(&m);
        assert_true(shell("ip link add br0 type bridge; ip link add v type veth peer name w"));
        assert_refused(&m, "web", "--network-bridge=v", ENOTBLK,
                       "'v', which 'web' shall be in, is");
        made_stop(&m);
        made_start(&m, "web",
                   "--network-bridge=br0|--network-address=192.0.2.5/24|"
                   "--network-gateway=192.0.2.1");
        assert_true(shell("ip -o link show vb-web | grep -q 'master br0'"));
        assert_false(shell("ip -4 addr | grep -q 'inet [^1]'"));
        assert_true(inside(&m, "ip route | grep -q 'default via 192.0.2.1 dev host0'"));
        made_stop(&m);
        assert_true(exists("br0"));
}

/* The parent is the host's, and stays as it is. */
static void test_macvlan(void **state)
{
        _cleanup_made_ Made m = MADE_NULL;

        assert_true(shell("ip link add up0 type veth peer name w && ip link set up0 up &&"
                          "ip addr add 192.0.2.9/24 dev up0"));
        made_start(&m, "web",
                   "--network-macvlan=up0|--network-address=192.0.2.5/24|"
                   "--network-gateway=192.0.2.1|"
                   "--network-mac-address=02:00:5e:00:53:01");
        assert_false(shell("ip addr show up0 | grep -q 'inet .*[.]1/'"));
        assert_false(shell("ip route | grep -q 192.0.2.5"));
        assert_true(inside(&m, "ip -o -4 addr show mv-up0 | grep -q 192.0.2.5/24"));
        assert_true(inside(&m, "ip route | grep -q 'default via 192.0.2.1 dev mv-up0'"));
        assert_true(inside(&m, "ip link show mv-up0 | grep -q 02:00:5e:00:53:01"));
        assert_false(network_is_routed(&m.network));
}

static void test_moved(void **state)
{
        _cleanup_made_ Made m = MADE_NULL;

        assert_true(shell("ip link add card type veth peer name w"));
        made_start(&m, "web", "--network-interface=card:in0|--network-address=192.0.2.5/24");
        assert_false(exists("card"));
        assert_true(inside(&m, "ip -o -4 addr show in0 | grep -q 192.0.2.5/24"));
        assert_true(inside(&m, "ip link set in0 down; ip link set in0 name other"));
        network_down(&m.network);
        assert_true(exists("card"));
        assert_false(shell("ip -o link show card | grep -q alias"));
}

/* What the kernel brought home when a launcher was killed: under the name that it had inside. */
static void test_moved_home_by_the_kernel(void **state)
{
        _cleanup_made_ Made m = MADE_NULL;

        assert_true(shell("ip link add other type veth peer name w &&"
                          "ip link set other alias stead:web:card"));
        made_start(&m, "web", "--network-interface=card:in0");
        assert_false(exists("other"));
        network_down(&m.network);
        assert_true(exists("card"));
}

/* A step that fails takes back the ones before it. */
static void test_failed_move(void **state)
{
        _cleanup_made_ Made m = MADE_NULL;

        assert_true(shell("ip link add card type veth peer name w"));
        assert_refused(&m, "web", "-n|--network-interface=card:lo", EEXIST, "");
        assert_true(exists("card"));
        assert_false(exists("ve-web"));
        assert_false(shell("ip -o link show card | grep -q alias"));
}

/* A host where IPv6 is turned off for new links. */
static void test_without_ipv6(void **state)
{
        _cleanup_made_ Made m = MADE_NULL;

        set("ipv6/conf/all/disable_ipv6", "1");
        set("ipv6/conf/default/disable_ipv6", "1");
        made_start(&m, "web", "-n|--network-address=192.0.2.5/24|--network-address=2001:db8::5/64");
        assert_int_equal(m.network.addresses.n, 1);
        assert_int_equal(m.network.gateway6.family, AF_UNSPEC);
        made_stop(&m);
        made_start(&m, "web", "-n");
        assert_true(reaches_gateway(&m));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ON_HOST(test_veth),
                ON_HOST(test_foreign_link),
                ON_HOST(test_collision),
                ON_HOST(test_long_name),
                ON_HOST(test_left_over),
                ON_HOST(test_again),
                ON_HOST(test_same_address),
                ON_HOST(test_unsigned_left_over),
                ON_HOST(test_zone),
                ON_HOST(test_bridge),
                ON_HOST(test_macvlan),
                ON_HOST(test_moved),
                ON_HOST(test_moved_home_by_the_kernel),
                ON_HOST(test_failed_move),
                ON_HOST(test_without_ipv6),
        };
        int r = world_enter() ?: net_world_check();

        return r != 0 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
