/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses and routes on links of a namespace of our own, put there and read back. */

#include "netns.h"

#include "os/route.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>

static IpAddress ip(const char *text)
{
        IpAddress a = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };

        assert_int_equal(inet_pton(a.family, text, a.bytes), 1);
        return a;
}

static const LinkAddress *address_of(const LinkAddresses *list, const char *text)
{
        IpAddress wanted = ip(text);

        for (size_t i = 0; i < list->n; i++)
                if (memcmp(&list->items[i].address, &wanted, sizeof(wanted)) == 0)
                        return &list->items[i];
        return NULL;
}

static void test_addresses(void **state)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        _cleanup_link_addresses_ LinkAddresses list = LINK_ADDRESSES_NULL;
        int one = make_pair();
        LinkAddress v4 = { one, ip("10.1.2.3"), {}, 24, 0, IFA_F_NOPREFIXROUTE };
        LinkAddress v6 = { one, ip("fd00::1"), {}, 64, 0, IFA_F_NODAD | IFA_F_NOPREFIXROUTE };
        LinkAddress pair = { one, ip("10.9.0.1"), ip("10.9.0.2"), 32, 0, 0 };
        const LinkAddress *found;

        address_add(&b, &v4, false);
        address_add(&b, &v6, false);
        address_add(&b, &pair, false);
        run_batch(rtnl, &b);
        assert_int_equal(address_list(rtnl, one, AF_UNSPEC, &list), 0);
        found = address_of(&list, "10.1.2.3");
        assert_non_null(found);
        assert_int_equal(found->prefix, 24);
        assert_int_equal(found->index, one);
        assert_int_equal(found->peer.family, AF_UNSPEC);
        assert_true(found->flags & IFA_F_NOPREFIXROUTE);
        found = address_of(&list, "fd00::1");
        assert_non_null(found);
        assert_int_equal(found->prefix, 64);
        assert_true(found->flags & IFA_F_NODAD);
        assert_false(found->flags & IFA_F_TENTATIVE);
        found = address_of(&list, "10.9.0.1");
        assert_non_null(found);
        assert_memory_equal(&found->peer, &pair.peer, sizeof(pair.peer));

        address_add(&b, &v4, false);
        assert_int_equal(netlink_call(rtnl, &b, NULL), -EEXIST);
        netlink_batch_clear(&b);
        address_add(&b, &v4, true);
        address_delete(&b, &v6);
        run_batch(rtnl, &b);
        link_addresses_done(&list);
        assert_int_equal(address_list(rtnl, one, AF_INET6, &list), 0);
        assert_null(address_of(&list, "fd00::1"));
        assert_null(address_of(&list, "10.1.2.3"));
        address_delete(&b, &v6);
        assert_int_equal(netlink_call(rtnl, &b, NULL), -EADDRNOTAVAIL);
}

/* What the kernel has. */
typedef struct Found {
        Route route;
        uint8_t scope;
} Found;

typedef struct RouteList {
        Found items[4000];
        size_t n;
        int family;
        uint32_t table; /* 0: all */
} RouteList;

static IpAddress gateway_of(const NetlinkMessage *message, int family)
{
        const NetlinkAttribute *via = &message->attributes[RTA_VIA];
        NetlinkAttribute address = message->attributes[RTA_GATEWAY];
        uint16_t other;

        if (via->data) { /* struct rtvia, which ends in an open array */
                memcpy(&other, via->data, sizeof(other));
                address.data = (const char *)via->data + sizeof(other);
                address.size = via->size - sizeof(other);
                family = other;
        }
        return ip_address_read(&address, family);
}

static int on_route(const NetlinkMessage *message, void *userdata)
{
        RouteList *list = userdata;
        const struct rtmsg *header = message->fixed;
        const NetlinkAttribute *a = message->attributes;
        Route route = {
                .family = header->rtm_family,
                .destination = ip_address_read(&a[RTA_DST], header->rtm_family),
                .prefix = header->rtm_dst_len,
                .gateway = gateway_of(message, header->rtm_family),
                .index = (int)netlink_u32(&a[RTA_OIF], 0),
                .metric = netlink_u32(&a[RTA_PRIORITY], 0),
                .table = netlink_u32(&a[RTA_TABLE], header->rtm_table),
                .type = header->rtm_type,
                .protocol = header->rtm_protocol,
                .onlink = header->rtm_flags & RTNH_F_ONLINK,
        };

        if (route.family != list->family || (list->table > 0 && route.table != list->table))
                return 0;
        assert_true(list->n < ELEMENTSOF(list->items));
        list->items[list->n++] = (Found){ route, header->rtm_scope };
        return 0;
}

static void on_restart(void *userdata)
{
        RouteList *list = userdata;

        list->n = 0;
}

/* Valid until the next call. */
static const RouteList *routes(int family, uint32_t table)
{
        static const NetlinkReader reader = { RTM_NEWROUTE, sizeof(struct rtmsg), on_route,
                                              on_restart };
        static RouteList list;
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        struct rtmsg header = { .rtm_family = (uint8_t)family };

        list.n = 0;
        list.family = family;
        list.table = table;
        netlink_begin(&b, RTM_GETROUTE, NLM_F_DUMP, &header, sizeof(header));
        netlink_end(&b);
        assert_int_equal(netlink_query(rtnl, &b, &reader, &list, NULL), 0);
        return &list;
}

static const Found *route_to(const RouteList *list, const char *text, uint8_t prefix)
{
        IpAddress wanted = text ? ip(text) : (IpAddress){};

        for (size_t i = 0; i < list->n; i++)
                if (list->items[i].route.prefix == prefix &&
                    memcmp(&list->items[i].route.destination, &wanted, sizeof(wanted)) == 0)
                        return &list->items[i];
        return NULL;
}

static void test_routes(void **state)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        const RouteList *list;
        int one = make_pair();
        LinkAddress a = { one, ip("10.1.0.1"), {}, 24, 0, 0 };
        Route to_default = { .family = AF_INET, .gateway = ip("10.1.0.2"), .index = one };
        Route on_link = { .family = AF_INET,
                          .destination = ip("10.2.0.0"),
                          .prefix = 16,
                          .index = one,
                          .metric = 77 };
        Route behind = { .family = AF_INET,
                         .destination = ip("10.3.0.0"),
                         .prefix = 16,
                         .gateway = ip("192.0.2.1"),
                         .index = one,
                         .onlink = true };
        Route nowhere = { .family = AF_INET,
                          .destination = ip("10.4.0.0"),
                          .prefix = 16,
                          .type = RTN_UNREACHABLE,
                          .metric = 9,
                          .protocol = RTPROT_BOOT };
        Route via6 = { .family = AF_INET,
                       .destination = ip("10.5.0.0"),
                       .prefix = 16,
                       .gateway = ip("fe80::1"),
                       .index = one };
        const Found *found;

        address_add(&b, &a, false);
        route_add(&b, &to_default, false);
        route_add(&b, &on_link, false);
        route_add(&b, &behind, false);
        route_add(&b, &nowhere, false);
        route_add(&b, &via6, false);
        run_batch(rtnl, &b);
        list = routes(AF_INET, RT_TABLE_MAIN);
        found = route_to(list, NULL, 0);
        assert_non_null(found);
        assert_memory_equal(&found->route.gateway, &to_default.gateway, sizeof(IpAddress));
        assert_int_equal(found->route.index, one);
        assert_int_equal(found->route.protocol, RTPROT_STATIC);
        found = route_to(list, "10.2.0.0", 16);
        assert_non_null(found);
        assert_int_equal(found->route.metric, 77);
        assert_int_equal(found->scope, RT_SCOPE_LINK);
        found = route_to(list, "10.3.0.0", 16);
        assert_non_null(found);
        assert_true(found->route.onlink);
        found = route_to(list, "10.4.0.0", 16);
        assert_non_null(found);
        assert_int_equal(found->route.type, RTN_UNREACHABLE);
        assert_int_equal(found->route.protocol, RTPROT_BOOT);
        found = route_to(list, "10.5.0.0", 16);
        assert_non_null(found);
        assert_memory_equal(&found->route.gateway, &via6.gateway, sizeof(IpAddress));

        route_delete(&b, &on_link);
        route_delete(&b, &nowhere);
        route_delete(&b, &to_default);
        run_batch(rtnl, &b);
        route_delete(&b, &nowhere);
        assert_int_equal(netlink_call(rtnl, &b, NULL), -ESRCH);
}

static void test_replace(void **state)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        const RouteList *list;
        int one = make_pair();
        Route route = {
                .family = AF_INET, .destination = ip("10.2.0.0"), .prefix = 16, .index = one
        };

        route_add(&b, &route, false);
        run_batch(rtnl, &b);
        route.index = index_of(rtnl, "two");
        route_add(&b, &route, false);
        assert_int_equal(netlink_call(rtnl, &b, NULL), -EEXIST);
        netlink_batch_clear(&b);
        route_add(&b, &route, true);
        run_batch(rtnl, &b);
        list = routes(AF_INET, 0);
        assert_int_equal(route_to(list, "10.2.0.0", 16)->route.index, route.index);
}

static void test_tables(void **state)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        const RouteList *list;
        int one = make_pair();
        LinkAddress a = { one, ip("fd00::1"), {}, 64, 0, IFA_F_NODAD };
        Route route = {
                .family = AF_INET6, .gateway = ip("fd00::2"), .index = one, .table = 123456
        };

        assert_int_equal(routes(AF_INET6, 123456)->n, 0);
        address_add(&b, &a, false);
        route_add(&b, &route, false);
        run_batch(rtnl, &b);
        list = routes(AF_INET6, 123456);
        assert_int_equal(list->n, 1);
        assert_int_equal(list->items[0].route.table, 123456);
        assert_int_equal(list->items[0].route.metric, 1024);
        assert_memory_equal(&list->items[0].route.gateway, &route.gateway, sizeof(IpAddress));
        list = routes(AF_INET6, RT_TABLE_MAIN);
        assert_non_null(route_to(list, "fd00::", 64));
        assert_null(route_to(list, NULL, 0));
}

/* More than one datagram full. */
static void test_many(void **state)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        const RouteList *list;
        Route route = {
                .family = AF_INET, .destination = ip("10.0.0.0"), .prefix = 32, .index = make_pair()
        };

        for (uint32_t i = 0; i < 3000; i++) {
                route.destination.v4.s_addr = htonl(UINT32_C(0x0a000000) + i);
                route_add(&b, &route, false);
        }
        run_batch(rtnl, &b);
        list = routes(AF_INET, RT_TABLE_MAIN);
        assert_int_equal(list->n, 3000);
        assert_non_null(route_to(list, "10.0.11.183", 32));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_NETNS(test_addresses), WITH_NETNS(test_routes), WITH_NETNS(test_replace),
                WITH_NETNS(test_tables),    WITH_NETNS(test_many),
        };
        int r = world_enter();

        return r != 0 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
