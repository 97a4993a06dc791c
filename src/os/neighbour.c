/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* RTM_NEWNEIGH. */

#include "os/neighbour.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

void neighbour_add(NetlinkBatch *b, int index, const IpAddress *address, const MacAddress *mac)
{
        struct ndmsg header = {
                .ndm_family = (uint8_t)address->family,
                .ndm_ifindex = index,
                .ndm_state = NUD_STALE,
        };

        netlink_begin(b, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof(header));
        netlink_put(b, NDA_DST, address->bytes, ip_address_size(address->family));
        netlink_put(b, NDA_LLADDR, mac->bytes, sizeof(mac->bytes));
        netlink_end(b);
}
