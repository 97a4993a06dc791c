/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Links made, changed, moved and found again, as the kernel of a namespace of our own lists them.
 * The kinds that not every kernel has are only looked at as bytes. */

#include "netns.h"

#include "base/strv.h"

#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/if_link.h>

static const MacAddress mac_a = { { 0x02, 0, 0, 0, 0, 0x0a } };
static const MacAddress mac_b = { { 0x02, 0, 0, 0, 0, 0x0b } };

static void find(int fd, const char *name, Link *ret)
{
        int r = link_find(fd, LINK_BY_NAME(name), ret);

        if (r < 0)
                fail_msg("%s: %s", name, strerror(-r));
}

static void test_veth(void **state)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        _cleanup_close_ int netns = netns_new(), inside = netns_socket(netns);
        LinkSpec own = { "ve-web", &mac_a, 1400, -EBADF, true };
        LinkSpec peer = { "host0", &mac_b, 1400, netns, false };
        _cleanup_link_ Link here = LINK_NULL, there = LINK_NULL;

        link_add_veth(&b, &own, &peer);
        run_batch(rtnl, &b);
        link_set_up(&b, LINK_BY_NAME("host0"), true);
        run_batch(inside, &b);
        find(rtnl, "ve-web", &here);
        find(inside, "host0", &there);
        assert_int_equal(index_of(rtnl, "host0"), -ENODEV);
        assert_string_equal(here.name, "ve-web");
        assert_string_equal(here.kind, "veth");
        assert_int_equal(here.mtu, 1400);
        assert_int_equal(there.mtu, 1400);
        assert_memory_equal(&here.mac, &mac_a, sizeof(mac_a));
        assert_memory_equal(&there.mac, &mac_b, sizeof(mac_b));
        assert_true(here.flags & IFF_LOWER_UP && there.flags & IFF_UP);
        assert_int_equal(here.peer, there.index);
        assert_int_equal(there.peer, here.index);
        assert_true(here.peer_netns >= 0);

        link_delete(&b, LINK_BY_INDEX(here.index));
        run_batch(rtnl, &b);
        assert_int_equal(index_of(rtnl, "ve-web"), -ENODEV);
        assert_int_equal(index_of(inside, "host0"), -ENODEV);
}

/* Everything by name in the batch that makes the links. */
static void test_bridge(void **state)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        LinkSpec bridge = spec_named("vz-test");
        _cleanup_link_ Link port = LINK_NULL, found = LINK_NULL;
        int one = make_pair();

        bridge.up = true;
        bridge.mac = &mac_a;
        link_add_bridge(&b, &bridge);
        run_batch(rtnl, &b);
        find(rtnl, "vz-test", &found);
        assert_string_equal(found.kind, "bridge");
        assert_int_equal(found.peer_netns, -1);
        link_set_master(&b, LINK_BY_NAME("one"), found.index);
        run_batch(rtnl, &b);
        assert_int_equal(link_find(rtnl, LINK_BY_INDEX(one), &port), 0);
        assert_int_equal(port.master, found.index);
        link_done(&port);
        link_set_master(&b, LINK_BY_INDEX(one), 0);
        link_set_up(&b, LINK_BY_NAME("one"), false);
        run_batch(rtnl, &b);
        find(rtnl, "one", &port);
        assert_int_equal(port.master, 0);
        assert_false(port.flags & IFF_UP);
}

static void test_altnames(void **state)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        LinkSpec spec = spec_named("short"), taken = spec_named("second");
        _cleanup_link_ Link found = LINK_NULL;
        char full[LINK_ALTNAME_MAX + 2];

        memset(full, 'x', sizeof(full));
        full[LINK_ALTNAME_MAX] = '\0';
        link_add_bridge(&b, &spec);
        link_add_altname(&b, LINK_BY_NAME("short"), full);
        link_add_altname(&b, LINK_BY_NAME(full), "second");
        run_batch(rtnl, &b);
        find(rtnl, full, &found);
        assert_string_equal(found.name, "short");
        assert_int_equal(strv_length(found.altnames), 2);
        assert_true(strv_contains(found.altnames, full));
        assert_int_equal(index_of(rtnl, "second"), found.index);

        link_add_bridge(&b, &taken);
        assert_int_equal(netlink_call(rtnl, &b, NULL), -EEXIST);
        netlink_batch_clear(&b);
        link_add_altname(&b, LINK_BY_NAME("lo"), full);
        assert_int_equal(netlink_call(rtnl, &b, NULL), -EEXIST);
        netlink_batch_clear(&b);
        full[LINK_ALTNAME_MAX] = 'x';
        full[LINK_ALTNAME_MAX + 1] = '\0';
        link_add_altname(&b, LINK_BY_NAME("short"), full);
        assert_int_equal(netlink_call(rtnl, &b, NULL), -ERANGE);
        netlink_batch_clear(&b);
        full[LINK_ALTNAME_MAX] = '\0';
        link_delete(&b, LINK_BY_NAME(full));
        run_batch(rtnl, &b);
        assert_int_equal(index_of(rtnl, "short"), -ENODEV);
}

static void test_move(void **state)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        _cleanup_close_ int netns = netns_new(), inside = netns_socket(netns);
        int one = make_pair();

        link_set_up(&b, LINK_BY_INDEX(one), false);
        link_move(&b, one, "renamed", -EBADF);
        run_batch(rtnl, &b);
        assert_int_equal(index_of(rtnl, "renamed"), one);
        link_move(&b, one, "eth0", netns);
        run_batch(rtnl, &b);
        assert_int_equal(index_of(rtnl, "renamed"), -ENODEV);
        assert_true(index_of(inside, "eth0") > 0);
}

static void test_many(void **state)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        _cleanup_link_list_ LinkList list = LINK_LIST_NULL;
        char names[100][2][IFNAMSIZ];

        for (unsigned i = 0; i < 100; i++) {
                LinkSpec own, peer;

                (void)snprintf(names[i][0], IFNAMSIZ, "own%u", i);
                (void)snprintf(names[i][1], IFNAMSIZ, "peer%u", i);
                own = spec_named(names[i][0]);
                peer = spec_named(names[i][1]);
                link_add_veth(&b, &own, &peer);
                link_set_up(&b, LINK_BY_NAME(names[i][0]), true);
        }
        run_batch(rtnl, &b);
        assert_int_equal(link_list(rtnl, &list), 0);
        assert_int_equal(list.n, 201); /* and lo */
        for (size_t i = 0; i < list.n; i++)
                assert_true(list.items[i].index > 0 && list.items[i].name[0] != '\0');
        for (unsigned i = 0; i < 100; i++)
                link_delete(&b, LINK_BY_NAME(names[i][0]));
        run_batch(rtnl, &b);
        link_list_done(&list);
        assert_int_equal(link_list(rtnl, &list), 0);
        assert_int_equal(list.n, 1);
        assert_string_equal(list.items[0].name, "lo");
        assert_true(list.items[0].flags & IFF_LOOPBACK);
}

/* What crossed it is counted. */
static void test_statistics(void **state)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        _cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
        _cleanup_link_ Link lo = LINK_NULL;

        link_set_up(&b, LINK_BY_NAME("lo"), true);
        run_batch(rtnl, &b);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        assert_int_equal(sendto(fd, "1234", 4, 0, (void *)&to, sizeof(to)), 4);
        find(rtnl, "lo", &lo);
        assert_true(lo.statistics.rx_packets >= 1);
        assert_true(lo.statistics.tx_bytes >= 32);
}

/* The one message of a batch, with the attributes of its kind. */
static void parse_back(const NetlinkBatch *b, NetlinkMessage *ret, NetlinkAttribute info[4],
                       NetlinkAttribute kind_data[8])
{
        const void *data = b->bytes.data;
        size_t size = b->bytes.size;
        const struct nlmsghdr *h;

        assert_int_equal(netlink_batch_error(b), 0);
        assert_int_equal(netlink_next(&data, &size, &h), 1);
        assert_int_equal(size, 0);
        assert_int_equal(h->nlmsg_type, RTM_NEWLINK);
        assert_int_equal(h->nlmsg_flags, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL);
        assert_int_equal(netlink_message_parse(h, sizeof(struct ifinfomsg), ret), 0);
        assert_int_equal(netlink_parse(ret->attributes[IFLA_LINKINFO].data,
                                       ret->attributes[IFLA_LINKINFO].size, info, 4),
                         0);
        assert_int_equal(
                netlink_parse(info[IFLA_INFO_DATA].data, info[IFLA_INFO_DATA].size, kind_data, 8),
                0);
}

static void test_bytes_of_kinds(void **state)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        LinkSpec spec = { "mv-eth0", &mac_a, 0, 42, true };
        NetlinkAttribute info[4], data[8];
        const struct ifinfomsg *header;
        NetlinkMessage m;

        link_add_macvlan(&b, &spec, 7);
        parse_back(&b, &m, info, data);
        header = m.fixed;
        assert_int_equal(header->ifi_flags & header->ifi_change, IFF_UP);
        assert_int_equal(netlink_u32(&m.attributes[IFLA_LINK], 0), 7);
        assert_int_equal(netlink_u32(&m.attributes[IFLA_NET_NS_FD], 0), 42);
        assert_string_equal(netlink_string(&m.attributes[IFLA_IFNAME]), "mv-eth0");
        assert_memory_equal(m.attributes[IFLA_ADDRESS].data, &mac_a, 6);
        assert_null(m.attributes[IFLA_MTU].data);
        assert_string_equal(netlink_string(&info[IFLA_INFO_KIND]), "macvlan");
        assert_int_equal(netlink_u32(&data[IFLA_MACVLAN_MODE], 0), MACVLAN_MODE_BRIDGE);

        netlink_batch_clear(&b);
        link_add_ipvlan(&b, &spec, 8);
        parse_back(&b, &m, info, data);
        assert_int_equal(netlink_u32(&m.attributes[IFLA_LINK], 0), 8);
        assert_string_equal(netlink_string(&info[IFLA_INFO_KIND]), "ipvlan");
        assert_int_equal(netlink_u16(&data[IFLA_IPVLAN_MODE], 99), IPVLAN_MODE_L2);

        netlink_batch_clear(&b);
        spec = spec_named("dummy");
        link_add_dummy(&b, &spec);
        parse_back(&b, &m, info, data);
        header = m.fixed;
        assert_int_equal(header->ifi_flags | header->ifi_change, 0);
        assert_null(m.attributes[IFLA_NET_NS_FD].data);
        assert_string_equal(netlink_string(&info[IFLA_INFO_KIND]), "dummy");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_NETNS(test_veth),
                WITH_NETNS(test_bridge),
                WITH_NETNS(test_altnames),
                WITH_NETNS(test_move),
                WITH_NETNS(test_many),
                WITH_NETNS(test_statistics),
                cmocka_unit_test(test_bytes_of_kinds),
        };
        int r = world_enter();

        return r != 0 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
