/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which new addresses of the host wake up its launchers. */

#include "network/uplink-watch.h"

#include "net-world.h"

#include <arpa/inet.h>
#include <poll.h>

static IpAddress ip(int family, const char *text)
{
        IpAddress a = { .family = family };

        assert_int_equal(inet_pton(family, text, a.bytes), 1);
        return a;
}

/* Of IPv6 the kernel tells a moment later. */
static bool told(int fd, bool expected)
{
        struct pollfd p = { .fd = fd, .events = POLLIN };
        bool r = poll(&p, 1, expected ? 10000 : 100) > 0;

        uplink_watch_drain(fd);
        return r;
}

static void test_watch(void **state)
{
        static const struct {
                const char *address;
                bool told;
        } addresses[] = {
                { "add 192.0.2.1/24", true },
                { "add 100.64.0.1/32", false }, /* the gateway of machines */
                { "add 100.64.0.2/32", true },
                { "add fd00:1::1/128 nodad", false },
                { "add fd00:1::2/128 nodad", true },
                { "add fd00:1:0:1::1/128 nodad", true },
                { "add 10.0.0.1 peer 100.64.0.7/32", true }, /* a tunnel */
                { "add fd00:2::1 peer fd00:1::3/128 nodad", true },
                { "add 169.254.1.1/16 scope link", false },
                { "add fe80::7/64 nodad", false },
                { "del 192.0.2.1/24", false },
        };
        IpAddress own4 = ip(AF_INET, "100.64.0.1"), own6 = ip(AF_INET6, "fd00:1::1"), none = {};
        int fd = uplink_watch_open(&own4, &own6), all = uplink_watch_open(&none, &none);

        assert_true(fd >= 0 && all >= 0);
        assert_true(shell("ip link add up0 type bridge; ip link set up0 up"));
        assert_false(told(fd, false));
        for (size_t i = 0; i < ELEMENTSOF(addresses); i++) {
                assert_true(shell("ip addr %s dev up0", addresses[i].address));
                if (told(fd, addresses[i].told) != addresses[i].told)
                        fail_msg("%s", addresses[i].address);
        }
        assert_true(told(all, true));
        assert_true(shell("ip addr del 100.64.0.1/32 dev up0; ip addr add 100.64.0.1/32 dev up0"));
        assert_true(told(all, true));
        closep(&fd);
        closep(&all);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ON_HOST(test_watch),
        };
        int r = world_enter() ?: net_world_check();

        return r != 0 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
