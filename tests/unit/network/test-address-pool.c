/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses out of a pool: always the same ones, never somebody else's. */

#include "config/host-settings.h"
#include "network/address-pool.h"

#include "net-world.h"

#include "os/netlink.h"

#include <arpa/inet.h>

static const AddressPool pool = { .network.s_addr = 0, .bits = 10, .prefix.s6_addr = { 0xfd, 1 } };

static AddressPool pool_of(const char *network, unsigned bits)
{
        AddressPool p = pool;

        assert_int_equal(inet_pton(AF_INET, network, &p.network), 1);
        p.bits = bits;
        return p;
}

static int take(const AddressPool *p, const char *name, AddressPair *ret, Error *error)
{
        _cleanup_close_ int fd = netlink_open(NETLINK_ROUTE);

        return address_pool_take(p, fd, name, ret, error);
}

static AddressPair taken(const AddressPool *p, const char *name)
{
        _cleanup_error_ Error e = ERROR_NULL;
        AddressPair pair = {};

        if (take(p, name, &pair, &e) < 0)
                fail_msg("%s: %s", name, e.message);
        return pair;
}

static void assert_candidate(const AddressPool *p, const char *name, unsigned attempt,
                             const AddressPair *pair)
{
        AddressPair wanted = address_pool_candidate(p, name, attempt);

        assert_memory_equal(&wanted, pair, sizeof(wanted));
}

static const char *text_of(const AddressPair *pair)
{
        static char text[INET_ADDRSTRLEN];

        return inet_ntop(AF_INET, &pair->v4, text, sizeof(text));
}

/* A change here gives every machine of every host another address. */
static void test_stable(void **state)
{
        AddressPool p = pool_of("100.64.0.0", 10);
        AddressPair pair = address_pool_candidate(&p, "web", 0), gateway = address_pool_gateway(&p);
        char text[INET6_ADDRSTRLEN];

        assert_string_equal(text_of(&pair), "100.118.181.44");
        assert_string_equal(inet_ntop(AF_INET6, &pair.v6, text, sizeof(text)),
                            "fd01::1:edf3:3e3d:2cb7:e5a9");
        assert_string_equal(text_of(&gateway), "100.64.0.1");
        assert_string_equal(inet_ntop(AF_INET6, &gateway.v6, text, sizeof(text)), "fd01::1");
}

/* Not the network, the gateway or the broadcast address, but any other. */
static void test_candidates(void **state)
{
        AddressPool p = pool_of("192.0.2.16", 28);
        bool seen[16] = {};

        for (unsigned i = 0; i < 1000; i++) {
                AddressPair pair = address_pool_candidate(&p, "web", i);
                uint32_t n = ntohl(pair.v4.s_addr) - ntohl(p.network.s_addr);

                assert_in_range(n, 2, 14);
                seen[n] = true;
        }
        for (unsigned i = 2; i < 15; i++)
                assert_true(seen[i]);
}

static bool is_held(int family, const void *address, const char *name)
{
        char text[INET6_ADDRSTRLEN];

        (void)inet_ntop(family, address, text, sizeof(text));
        return shell("[ \"$(readlink " ADDRESS_CLAIMS_DIRECTORY "/%s)\" = '%s' ]", text, name);
}

static void test_same_again(void **state)
{
        AddressPool p = pool_of("100.64.0.0", 10);
        AddressPair one = taken(&p, "web"), two;

        assert_candidate(&p, "web", 0, &one);
        assert_true(is_held(AF_INET, &one.v4, "web"));
        two = taken(&p, "web"); /* a launcher was killed */
        assert_memory_equal(&one, &two, sizeof(one));
        address_pool_release("other", &one);
        assert_true(is_held(AF_INET6, &one.v6, "web"));
        address_pool_release("web", &one);
        assert_true(is_held(AF_INET, &one.v4, "") && is_held(AF_INET6, &one.v6, ""));
        assert_false(shell("ls %s | grep -q .", ADDRESS_CLAIMS_DIRECTORY));
}

/* Of the thirteen addresses of a small pool each goes to one name, and the fourteenth is told. */
static void test_full(void **state)
{
        AddressPool p = pool_of("192.0.2.16", 28);
        _cleanup_error_ Error e = ERROR_NULL;
        AddressPair pairs[13], more;
        char name[16];

        for (unsigned i = 0; i < ELEMENTSOF(pairs); i++) {
                (void)snprintf(name, sizeof(name), "m%u", i);
                pairs[i] = taken(&p, name);
                for (unsigned k = 0; k < i; k++)
                        assert_int_not_equal(pairs[k].v4.s_addr, pairs[i].v4.s_addr);
        }
        assert_int_equal(take(&p, "late", &more, &e), -EADDRNOTAVAIL);
        assert_non_null(strstr(e.message, "no address for 'late'"));
        assert_non_null(strstr(e.message, "192.0.2.16/28"));
        assert_non_null(strstr(e.hint, "Pool="));
        address_pool_release("m7", &pairs[7]);
        more = taken(&p, "late");
        assert_int_equal(more.v4.s_addr, pairs[7].v4.s_addr);
}

/* Routes of the host, in whatever table its rules ask; default routes are none. */
static void test_routes(void **state)
{
        /* before and after the address or its network */
        static const struct {
                const char *before;
                uint32_t mask;
                const char *after;
        } routes[] = {
                { "ip route add ", ~0U, "/32 dev lan0" },
                { "ip rule add from all lookup 77 pref 100; ip route add ", ~3U,
                  "/30 dev lan0 table 77" },
                { "ip addr add dev lan0 ", ~0U, "/32" },
        };
        AddressPool p = pool_of("100.64.0.0", 10);
        AddressPair first = address_pool_candidate(&p, "web", 0), pair;

        assert_true(shell("ip link add lan0 type bridge; ip link set lan0 up;"
                          "ip addr add 192.0.2.9/24 dev lan0; ip route add default via 192.0.2.1"));
        pair = taken(&p, "web");
        assert_memory_equal(&pair, &first, sizeof(pair));
        address_pool_release("web", &pair);
        for (unsigned i = 0; i < ELEMENTSOF(routes); i++) {
                AddressPair of = address_pool_candidate(&p, "web", i);

                of.v4.s_addr &= htonl(routes[i].mask);
                assert_true(shell("%s%s%s", routes[i].before, text_of(&of), routes[i].after));
                pair = taken(&p, "web");
                assert_candidate(&p, "web", i + 1, &pair);
                address_pool_release("web", &pair);
        }
}

/* As OpenVPN writes them (redirect-gateway def1 ipv6); what is as wide as a network counts. */
static void test_default_route_in_parts(void **state)
{
        AddressPool p = pool_of("100.64.0.0", 10);
        AddressPair pair;

        assert_true(shell("ip link add tun0 type bridge; ip link set tun0 up;"
                          "ip route add 0.0.0.0/1 dev tun0; ip route add 128.0.0.0/1 dev tun0;"
                          "for n in ::/3 2000::/4 3000::/4 fc00::/7; do"
                          " ip -6 route add $n dev tun0 || exit 1; done"));
        pair = taken(&p, "web");
        assert_candidate(&p, "web", 0, &pair);
        assert_true(shell("ip -6 route add fd00::/8 dev tun0"));
        assert_int_equal(take(&p, "other", &pair, NULL), -EADDRNOTAVAIL);
}

/* What a killed launcher left on the bridge of a zone is no reason to move; anybody else's is. */
static void test_own_route(void **state)
{
        AddressPool p = pool_of("100.64.0.0", 10);
        AddressPair one = taken(&p, "web"), two;

        assert_true(
                shell("ip link add lan0 type bridge; ip link set lan0 up; ip route add %s dev lan0",
                      text_of(&one)));
        two = taken(&p, "web");
        assert_memory_equal(&one, &two, sizeof(one));
        assert_true(shell("ip route del %s; ip route add 100.64.0.0/10 dev lan0", text_of(&one)));
        assert_int_equal(take(&p, "web", &two, NULL), -EADDRNOTAVAIL);
}

/* Where the admin names no pool. */
static struct in6_addr local_prefix(const Id128 *host)
{
        AddressSetting found = host_settings_pool6(&host_settings_default, host);
        struct in6_addr prefix;

        memcpy(&prefix, found.bytes, sizeof(prefix));
        return prefix;
}

static void test_local_prefix(void **state)
{
        Id128 a = { { 1 } }, b = { { 2 } };
        struct in6_addr one = local_prefix(&a), two = local_prefix(&a);

        assert_memory_equal(&one, &two, sizeof(one));
        assert_int_equal(one.s6_addr[0], 0xfd);
        for (unsigned i = 6; i < 16; i++)
                assert_int_equal(one.s6_addr[i], 0);
        two = local_prefix(&b);
        assert_memory_not_equal(&one, &two, sizeof(one));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_stable), cmocka_unit_test(test_candidates),
                ON_HOST(test_same_again),      ON_HOST(test_full),
                ON_HOST(test_routes),          ON_HOST(test_default_route_in_parts),
                ON_HOST(test_own_route),       cmocka_unit_test(test_local_prefix),
        };
        int r = world_enter() ?: net_world_check();

        return r != 0 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
