/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* RTM_NEWROUTE and RTM_DELROUTE. */

#include "os/route.h"

#include <string.h>

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
