/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses in another namespace come and go, and only those that others can use are listed. */

#include "network/address-watch.h"

#include "net-world.h"

#include <poll.h>

static AddressWatch open_in(const char *netns, const char *link)
{
        _cleanup_close_ int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        _cleanup_free_ char *path = NULL;
        AddressWatch w = ADDRESS_WATCH_NULL;
        _cleanup_close_ int fd = -EBADF;

        assert_true(asprintf(&path, "/run/netns/%s", netns) > 0);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_int_equal(address_watch_open(fd, home, link, &w), 0);
        return w;
}

static bool told_within(AddressWatch *w, int milliseconds)
{
        struct pollfd p = { .fd = w->fd, .events = POLLIN };

        return poll(&p, 1, milliseconds) > 0 && address_watch_drain(w);
}

static bool told(AddressWatch *w)
{
        return told_within(w, 20000);
}

static void assert_listed(AddressWatch *w, size_t n)
{
        _cleanup_link_addresses_ LinkAddresses list = LINK_ADDRESSES_NULL;

        (void)address_watch_drain(w);
        assert_int_equal(address_watch_list(w, &list), 0);
        assert_int_equal(list.n, n);
}

static void test_other_namespace(void **state)
{
        AddressWatch w;

        assert_true(shell("mkdir -p /run/netns; ip netns add m; "
                          "ip link add ve-m type veth peer name host0 netns m; "
                          "ip link set ve-m up; ip -n m link set host0 up"));
        w = open_in("m", "host0");
        /* we are back, and what happens here is not told */
        assert_true(shell("ip addr add 192.0.2.9/24 dev ve-m"));
        assert_false(w.index == 0);
        assert_listed(&w, 0);
        assert_true(shell("ip -n m addr add 192.0.2.1/24 dev host0"));
        assert_true(told(&w));
        assert_false(address_watch_drain(&w));
        assert_listed(&w, 1);
        assert_true(shell("ip -n m addr add 169.254.1.1/16 scope link dev host0; "
                          "ip -n m addr add 2001:db8::1/64 nodad dev host0; "
                          "ip -n m addr add 192.0.2.200/32 dev lo"));
        assert_true(told(&w));
        assert_listed(&w, 2);
        assert_true(shell("ip -n m addr flush dev host0"));
        assert_true(told(&w));
        assert_listed(&w, 0);
        address_watch_done(&w);
}

static void test_own_namespace(void **state)
{
        AddressWatch w = ADDRESS_WATCH_NULL;

        assert_int_equal(address_watch_open(-EBADF, -EBADF, "nobody", &w), -ENODEV);
        assert_int_equal(address_watch_open(-EBADF, -EBADF, "lo", &w), 0);
        assert_true(shell("ip addr add 192.0.2.1/32 dev lo"));
        assert_true(told(&w));
        /* of other links nothing is told */
        assert_true(shell("ip link add other type bridge && ip addr add 192.0.2.2/32 dev other"));
        assert_false(told_within(&w, 500));
        assert_true(shell("ip addr del 192.0.2.1/32 dev lo"));
        assert_true(told(&w));
        address_watch_done(&w);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ON_HOST(test_other_namespace),
                ON_HOST(test_own_namespace),
        };
        int r = world_enter() ?: net_world_check();

        return r ?: cmocka_run_group_tests(tests, NULL, NULL);
}
