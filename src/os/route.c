/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* RTM_NEWROUTE, RTM_DELROUTE and RTM_GETROUTE. */

#include "os/route.h"

#include <errno.h>
#include <string.h>

void route_list_done(RouteList *list)
{
        free(list->items);
        *list = ROUTE_LIST_NULL;
}

/* A route to what is on the link itself has scope "link", or IPv4 would refuse gateways that are
 * reached by it; one that goes nowhere and all of IPv6 are of the whole universe. */
static uint8_t route_scope(const Route *route)
{
        bool unicast = route->type == RTN_UNSPEC || route->type == RTN_UNICAST;

        if (route->family == AF_INET && unicast && route->gateway.family == AF_UNSPEC)
                return RT_SCOPE_LINK;
        return RT_SCOPE_UNIVERSE;
}

static struct rtmsg route_header(const Route *route)
{
        uint32_t table = route->table == 0 ? RT_TABLE_MAIN : route->table;

        return (struct rtmsg){
                .rtm_family = (uint8_t)route->family,
                .rtm_dst_len = route->prefix,
                .rtm_table = table < 256 ? (uint8_t)table : RT_TABLE_COMPAT,
                .rtm_type = route->type == RTN_UNSPEC ? RTN_UNICAST : route->type,
                .rtm_protocol = route->protocol == RTPROT_UNSPEC ? RTPROT_STATIC : route->protocol,
                .rtm_scope = route_scope(route),
                .rtm_flags = route->onlink ? RTNH_F_ONLINK : 0,
        };
}

static void put_gateway(NetlinkBatch *b, const Route *route)
{
        size_t size = ip_address_size(route->gateway.family);
        uint16_t family = (uint16_t)route->gateway.family;
        uint8_t via[sizeof(family) + 16];

        if (size == 0)
                return;
        if (route->gateway.family == route->family) {
                netlink_put(b, RTA_GATEWAY, route->gateway.bytes, size);
                return;
        }
        memcpy(via, &family, sizeof(family)); /* struct rtvia, which ends in an open array */
        memcpy(via + sizeof(family), route->gateway.bytes, size);
        netlink_put(b, RTA_VIA, via, sizeof(family) + size);
}

static void append(NetlinkBatch *b, uint16_t type, uint16_t flags, const Route *route)
{
        struct rtmsg header = route_header(route);

        if (type == RTM_DELROUTE) {
                /* any that matches what is said */
                header.rtm_scope = RT_SCOPE_NOWHERE;
                header.rtm_protocol = route->protocol;
                header.rtm_type = route->type;
        }
        netlink_begin(b, type, flags, &header, sizeof(header));
        if (route->destination.family != AF_UNSPEC)
                netlink_put(b, RTA_DST, route->destination.bytes, ip_address_size(route->family));
        put_gateway(b, route);
        if (route->index > 0)
                netlink_put_u32(b, RTA_OIF, (uint32_t)route->index);
        if (route->metric > 0)
                netlink_put_u32(b, RTA_PRIORITY, route->metric);
        netlink_put_u32(b, RTA_TABLE, route->table == 0 ? RT_TABLE_MAIN : route->table);
        netlink_end(b);
}

void route_add(NetlinkBatch *b, const Route *route, bool replace)
{
        append(b, RTM_NEWROUTE, NLM_F_CREATE | (replace ? NLM_F_REPLACE : NLM_F_EXCL), route);
}

void route_delete(NetlinkBatch *b, const Route *route)
{
        append(b, RTM_DELROUTE, 0, route);
}

/* The list with what it is filtered by, where the kernel does not (before 4.20). */
typedef struct RouteQuery {
        RouteList list;
        size_t allocated;
        int family;
        uint32_t table;
} RouteQuery;

static int route_query_append(RouteQuery *query, const Route *route)
{
        if (query->list.n == query->allocated) {
                size_t want = query->allocated == 0 ? 16 : query->allocated * 2;
                Route *grown = reallocarray(query->list.items, want, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                query->list.items = grown;
                query->allocated = want;
        }
        query->list.items[query->list.n++] = *route;
        return 0;
}

static IpAddress read_gateway(const NetlinkMessage *message, int family)
{
        const NetlinkAttribute *via = &message->attributes[RTA_VIA];
        NetlinkAttribute address;
        uint16_t via_family;

        if (!via->data || via->size < sizeof(via_family))
                return ip_address_read(&message->attributes[RTA_GATEWAY], family);
        memcpy(&via_family, via->data, sizeof(via_family));
        address.data = (const char *)via->data + sizeof(via_family);
        address.size = via->size - sizeof(via_family);
        return ip_address_read(&address, via_family);
}

static int on_route(const NetlinkMessage *message, void *userdata)
{
        RouteQuery *query = userdata;
        const struct rtmsg *header = message->fixed;
        const NetlinkAttribute *a = message->attributes;
        Route found = {
                .family = header->rtm_family,
                .destination = ip_address_read(&a[RTA_DST], header->rtm_family),
                .prefix = header->rtm_dst_len,
                .gateway = read_gateway(message, header->rtm_family),
                .index = (int)netlink_u32(&a[RTA_OIF], 0),
                .metric = netlink_u32(&a[RTA_PRIORITY], 0),
                .table = netlink_u32(&a[RTA_TABLE], header->rtm_table),
                .type = header->rtm_type,
                .protocol = header->rtm_protocol,
                .scope = header->rtm_scope,
                .onlink = header->rtm_flags & RTNH_F_ONLINK,
        };

        if (ip_address_size(found.family) == 0 || header->rtm_flags & RTM_F_CLONED ||
            (query->family != AF_UNSPEC && found.family != query->family) ||
            (query->table > 0 && found.table != query->table))
                return 0;
        return route_query_append(query, &found);
}

static void on_restart(void *userdata)
{
        RouteQuery *query = userdata;

        route_list_done(&query->list);
        query->allocated = 0;
}

static const NetlinkReader route_reader = {
        .type = RTM_NEWROUTE,
        .fixed_size = sizeof(struct rtmsg),
        .on_message = on_route,
        .on_restart = on_restart,
};

int route_list(int fd, int family, uint32_t table, RouteList *ret)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        RouteQuery query = { .family = family, .table = table };
        struct rtmsg header = { .rtm_family = (uint8_t)family };
        int r;

        netlink_begin(&b, RTM_GETROUTE, NLM_F_DUMP, &header, sizeof(header));
        if (table > 0)
                netlink_put_u32(&b, RTA_TABLE, table);
        netlink_end(&b);
        r = netlink_query(fd, &b, &route_reader, &query, NULL);
        if (r == -ENOENT && table > 0)
                r = 0; /* no route was ever put into this table */
        if (r < 0)
                route_list_done(&query.list);
        else
                *ret = query.list;
        return r;
}
