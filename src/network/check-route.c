/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One look-up in the routing tables, with all rules, as a packet would be looked up. */

#include "network/check-gather.h"

#include "os/link-list.h"

#include <linux/rtnetlink.h>
#include <stdio.h>
#include <sys/socket.h>

typedef struct Answer {
        CheckRoute *route;
        int index;
} Answer;

static int on_route(const NetlinkMessage *message, void *userdata)
{
        const struct rtmsg *header = message->fixed;
        const NetlinkAttribute *a = message->attributes;
        Answer *answer = userdata;

        answer->index = (int)netlink_u32(&a[RTA_OIF], 0);
        answer->route->table = netlink_u32(&a[RTA_TABLE], header->rtm_table);
        answer->route->gateway = ip_address_read(&a[RTA_GATEWAY], header->rtm_family);
        answer->route->source = ip_address_read(&a[RTA_PREFSRC], header->rtm_family);
        if (header->rtm_type != RTN_UNICAST && header->rtm_type != RTN_LOCAL)
                answer->route->error = EHOSTUNREACH; /* blackhole and its like */
        return 0;
}

void check_route_ask(int fd, const IpAddress *to, CheckRoute *ret)
{
        static const NetlinkReader reader = {
                .type = RTM_NEWROUTE,
                .fixed_size = sizeof(struct rtmsg),
                .on_message = on_route,
        };
        size_t size = ip_address_size(to->family);
        struct rtmsg header = { .rtm_family = (uint8_t)to->family,
                                .rtm_dst_len = (uint8_t)(size * 8),
                                /* IPv6 tells the table unasked, and refuses the flag */
                                .rtm_flags = to->family == AF_INET ? RTM_F_LOOKUP_TABLE : 0 };
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        _cleanup_link_ Link link = LINK_NULL;
        Answer answer = { .route = ret };
        int r;

        *ret = (CheckRoute){ .asked = true };
        netlink_begin(&b, RTM_GETROUTE, 0, &header, sizeof(header));
        netlink_put(&b, RTA_DST, to->bytes, size);
        netlink_end(&b);
        r = netlink_query(fd, &b, &reader, &answer, NULL);
        if (r >= 0 && ret->error == 0)
                r = link_find(fd, LINK_BY_INDEX(answer.index), &link);
        if (r < 0)
                ret->error = -r;
        else if (ret->error == 0)
                (void)snprintf(ret->link, sizeof(ret->link), "%s", link.name);
}
