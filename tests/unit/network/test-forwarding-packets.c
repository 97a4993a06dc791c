/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What really passes: a machine, its host, and two neighbours of the host on links of their own. */

#include "network/forwarding.h"

#include "net-world.h"

#include "network/published.h"

#include <sys/socket.h>

static int forwarding_enable(const char *link, Error *error)
{
        _cleanup_forwarding_record_ ForwardingRecord plan = FORWARDING_RECORD_NULL;
        int r = forwarding_plan(link, &plan, error);

        return r < 0 ? r : forwarding_make(&plan, error);
}

static const char *program;

static bool ping(const char *from, const char *to)
{
        return shell("ip netns exec %s busybox ping -c 1 -W 1 %s >/dev/null 2>&1", from, to);
}

/* A neighbour that is asked for the first time may take its second on a host that is busy. */
static bool reaches(const char *from, const char *to)
{
        for (int i = 0; i < 5; i++)
                if (ping(from, to))
                        return true;
        return false;
}

/* ve-m leads to the machine (m), up0 to the outside (o), third0 to somebody else (t). */
static void make_hosts(void)
{
        assert_true(shell("set -e; mkdir -p /run/netns; C=/proc/sys/net/ipv6/conf;"
                          "for n in m o t; do ip netns add $n; ip -n $n link set lo up; done;"
                          "ip link add ve-m type veth peer name host0 netns m;"
                          "ip link add up0 type veth peer name o0 netns o;"
                          "ip link add third0 type veth peer name t0 netns t;"
                          "for l in ve-m up0 third0; do ip link set $l up; done"));
        /* one gateway address for all machines, and a route to each */
        assert_true(shell("set -e; ip addr add 100.64.0.1/32 dev ve-m;"
                          "ip addr add fd00::1/128 dev ve-m nodad;"
                          "ip -n m addr add 100.64.0.2/32 dev host0;"
                          "ip -n m addr add fd00::2/128 dev host0 nodad;"
                          "ip -n m link set host0 up;"
                          "ip -n m route add default via 100.64.0.1 dev host0 onlink;"
                          "ip -n m -6 route add fd00::1 dev host0;"
                          "ip -n m -6 route add default via fd00::1 dev host0;"
                          "ip route add 100.64.0.2 dev ve-m; ip -6 route add fd00::2 dev ve-m"));
        assert_true(shell("set -e; ip addr add 192.0.2.1/24 dev up0;"
                          "ip addr add 2001:db8:1::1/64 dev up0 nodad;"
                          "ip addr add 198.51.100.1/24 dev third0;"
                          "ip addr add 2001:db8:2::1/64 dev third0 nodad;"
                          "ip -n o addr add 192.0.2.2/24 dev o0;"
                          "ip -n o addr add 2001:db8:1::2/64 dev o0 nodad;"
                          "ip -n t addr add 198.51.100.2/24 dev t0;"
                          "ip -n t addr add 2001:db8:2::2/64 dev t0 nodad;"
                          "ip -n o link set o0 up; ip -n t link set t0 up;"
                          "ip -n o route add default via 192.0.2.1;"
                          "ip -n o -6 route add default via 2001:db8:1::1;"
                          "ip -n t route add default via 198.51.100.1;"
                          "ip -n t -6 route add default via 2001:db8:2::1"));
}

/* The table as it is for a machine without ports, by the real program. */
static void guard(const char *verb)
{
        world_put(PUBLISHED_DIRECTORY "/", "m", "INTERFACE=ve-m\n", 0644);
        assert_true(shell("%s %s m", program, verb));
}

static void check_passing(void)
{
        static const struct {
                int family;
                const char *machine, *outside, *third, *host;
        } families[] = {
                { AF_INET, "100.64.0.2", "192.0.2.2", "198.51.100.2", "192.0.2.1" },
                { AF_INET6, "fd00::2", "2001:db8:1::2", "2001:db8:2::2", "2001:db8:1::1" },
        };
        _cleanup_error_ Error e = ERROR_NULL;

        for (size_t i = 0; i < ELEMENTSOF(families); i++)
                assert_false(ping("m", families[i].outside));
        if (forwarding_enable("ve-m", &e) < 0)
                fail_msg("%s", e.message);
        for (size_t i = 0; i < ELEMENTSOF(families); i++) {
                assert_true(reaches("m", families[i].outside));
                assert_true(reaches("o", families[i].machine));
                assert_true(reaches("o", families[i].third)); /* why the guard must be */
        }
        guard("add");
        for (size_t i = 0; i < ELEMENTSOF(families); i++) {
                assert_true(reaches("m", families[i].outside));
                assert_true(reaches("t", families[i].machine));
                assert_false(ping("o", families[i].third));
                assert_false(ping("t", families[i].outside));
                /* who redirects on purpose is not in our way */
                assert_true(shell("nft add table inet other && nft add chain inet other theirs "
                                  "'{ type nat hook prerouting priority -90; }' && "
                                  "nft add rule inet other theirs iifname up0 dnat %s to %s",
                                  families[i].family == AF_INET ? "ip" : "ip6", families[i].third));
                assert_true(reaches("o", families[i].host));
                assert_true(shell("nft delete table inet other"));
        }
        assert_int_equal(forwarding_disable("ve-m", NULL), 0);
        guard("remove");
        for (size_t i = 0; i < ELEMENTSOF(families); i++)
                assert_false(ping("o", families[i].third));
}

static void test_per_link(void **state)
{
        make_hosts();
        check_passing();
}

/* As before Linux 6.17. */
static void test_switch_for_all(void **state)
{
        make_hosts();
        assert_int_equal(mount("tmpfs", SYSCTL_NET "/ipv6/conf/lo", "tmpfs", 0, NULL), 0);
        check_passing();
}

/* The host keeps the default route that a router told it, and still hears routers. */
static void advertise_and_enable(void)
{
        static const char wait_for_route[] =
                "for i in $(seq 30); do ip -6 route show default proto ra | grep -q . && exit 0; "
                "ip netns exec o python3 -c \"%s\"; sleep 0.2; done; exit 1";
        /* RFC 4861, 4.2: a router for half an hour, with nothing else to say */
        static const char advertise[] =
                "import socket as s, struct\n"
                "k = s.socket(s.AF_INET6, s.SOCK_RAW, s.IPPROTO_ICMPV6)\n"
                "k.setsockopt(s.IPPROTO_IPV6, s.IPV6_MULTICAST_HOPS, 255)\n"
                "m = struct.pack('!BBHBBHII', 134, 0, 0, 64, 0, 1800, 0, 0)\n"
                "try: k.sendto(m, ('ff02::1', 0, 0, s.if_nametoindex('o0')))\n"
                "except OSError: pass\n"; /* its address is not ready yet */
        _cleanup_free_ char *command = NULL;

        assert_true(asprintf(&command, wait_for_route, advertise) > 0);
        assert_true(shell("%s", command));
        assert_int_equal(forwarding_enable("ve-m", NULL), 0);
        assert_true(shell("ip -6 route show default proto ra | grep -q ."));
        assert_true(shell("ip -6 route flush default proto ra"));
        assert_true(shell("%s", command));
        assert_int_equal(forwarding_disable("ve-m", NULL), 0);
        assert_true(shell("ip -6 route show default proto ra | grep -q ."));
}

static void test_learned_routes(void **state)
{
        make_hosts();
        advertise_and_enable();
        assert_int_equal(mount("tmpfs", SYSCTL_NET "/ipv6/conf/lo", "tmpfs", 0, NULL), 0);
        advertise_and_enable();
}

static bool have(const char *command, const char *package)
{
        if (shell("command -v %s >/dev/null", command))
                return true;
        fprintf(stderr, "skipped: %s is not installed (package %s)\n", command, package);
        return false;
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                ON_HOST(test_per_link),
                ON_HOST(test_switch_for_all),
                ON_HOST(test_learned_routes),
        };
        int r = world_enter() ?: net_world_check();

        program = argc > 1 ? argv[1] : "stead-firewall";
        if (r != 0)
                return r;
        if (!have("nft", "nftables") || !have("busybox", "busybox-static") ||
            !have("python3", "python3"))
                return WORLD_SKIP;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
