/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A dummy link. A kernel without those has a bridge without ports in its place: it has no carrier,
 * but its addresses answer all the same. */

#include "network/service-link.h"

#include "os/address.h"
#include "os/link-list.h"
#include "os/netlink.h"

#include <linux/if_addr.h>
#include <string.h>
#include <sys/socket.h>

#define LOOPBACK_INDEX 1 /* in every network namespace */

static int add(int route_fd, void (*put_link)(NetlinkBatch *b, const LinkSpec *spec))
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        LinkSpec spec = LINK_SPEC_NULL;

        spec.name = SERVICE_LINK;
        spec.up = true;
        put_link(&b, &spec);
        return netlink_call(route_fd, &b, NULL);
}

int service_link_make(int route_fd, Error *error)
{
        int r = add(route_fd, link_add_dummy);

        if (r == -EOPNOTSUPP)
                r = add(route_fd, link_add_bridge);
        if (r < 0)
                error_errno(error, -r, "Failed to make the link '" SERVICE_LINK "'");
        if (r == -EOPNOTSUPP)
                error_hint(error, "modprobe dummy");
        return r;
}

static int find_index(int route_fd, Error *error)
{
        _cleanup_link_ Link link = LINK_NULL;
        int r = link_find(route_fd, LINK_BY_NAME(SERVICE_LINK), &link);

        return r < 0 ? error_errno(error, -r, "Failed to find the link '" SERVICE_LINK "'")
                     : link.index;
}

/* Nobody else has an anycast address on this wire: duplicates are not looked for. */
static LinkAddress on_link(int index, const AddressSetting *a, uint32_t valid_sec)
{
        LinkAddress address = {
                .index = index,
                .address.family = a->family,
                .prefix = (uint8_t)a->prefix,
                .flags = a->family == AF_INET6 ? IFA_F_NODAD : 0,
                .valid_sec = valid_sec,
        };

        memcpy(address.address.bytes, a->bytes, ip_address_size(a->family));
        return address;
}

static int put(int route_fd, int index, const AddressSettings *addresses, uint32_t valid_sec,
               Error *error)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        int r;

        for (size_t i = 0; i < addresses->n; i++) {
                LinkAddress a = on_link(index, &addresses->items[i], valid_sec);

                address_add(&b, &a, true);
        }
        r = netlink_call(route_fd, &b, NULL);
        return r < 0 ? error_errno(error, -r, "Failed to add service addresses") : 0;
}

int service_link_put(int route_fd, const AddressSettings *addresses, uint32_t valid_sec,
                     Error *error)
{
        int index = find_index(route_fd, error);

        return index < 0 ? index : put(route_fd, index, addresses, valid_sec, error);
}

int service_link_withdraw(int route_fd, const AddressSettings *addresses, uint32_t linger_sec,
                          Error *error)
{
        int index = find_index(route_fd, error);

        if (index < 0)
                return index;
        if (linger_sec > 0) /* what matters is that they go from the link */
                (void)put(route_fd, LOOPBACK_INDEX, addresses, linger_sec, NULL);
        for (size_t i = 0; i < addresses->n; i++) {
                _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
                LinkAddress a = on_link(index, &addresses->items[i], 0);
                int r;

                address_delete(&b, &a);
                r = netlink_call(route_fd, &b, NULL);
                if (r < 0 && r != -EADDRNOTAVAIL)
                        return error_errno(error, -r,
                                           "Failed to remove addresses of '" SERVICE_LINK "'");
        }
        return 0;
}
