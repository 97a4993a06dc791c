/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses of host0 where systemd-networkd of the host is the one who gives them. */

#include "network/network.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

static bool is_taken(const LinkAddresses *taken, in_addr_t address)
{
        for (size_t i = 0; i < taken->n; i++)
                if (taken->items[i].address.family == AF_INET &&
                    taken->items[i].address.v4.s_addr == htonl(address))
                        return true;
        return false;
}

/* From the end: a DHCP server gives away from anywhere, but people count from the beginning. */
static int choose(const LinkAddress *host, const LinkAddresses *taken, LinkAddress *ret)
{
        in_addr_t own = ntohl(host->address.v4.s_addr), mask, first, last;

        if (host->prefix == 0 || host->prefix > 30)
                return -EADDRNOTAVAIL;
        mask = ~(in_addr_t)0 << (32 - host->prefix);
        first = (own & mask) + 1;
        last = (own | ~mask) - 1;
        for (in_addr_t a = last; a >= first; a--)
                if (a != own && !is_taken(taken, a)) {
                        *ret = (LinkAddress){ .prefix = host->prefix,
                                              .address = { .family = AF_INET,
                                                           .v4.s_addr = htonl(a) } };
                        return 0;
                }
        return -EADDRNOTAVAIL;
}

int network_give(Network *n, const LinkAddress *host, const LinkAddresses *taken, LinkAddress *ret,
                 Error *error)
{
        LinkAddress own;
        int r = choose(host, taken, &own);

        if (r < 0)
                return error_set(error, -r, "The subnet of '%s' has no address left for '%s'",
                                 network_host_link(n->plan), n->name);
        n->gateway4 = host->address; /* its default route */
        r = network_set_inside(n, &own, 1, error);
        if (r >= 0)
                *ret = own;
        return r;
}

void network_take_back(const Network *n, const LinkAddress *given)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        _cleanup_link_ Link host0 = LINK_NULL;
        LinkAddress a = *given;

        if (link_find(n->machine_fd, LINK_BY_NAME(n->plan->links[0].inside), &host0) < 0)
                return; /* and so has no address */
        a.index = host0.index;
        address_delete(&b, &a);
        (void)netlink_call(n->machine_fd, &b, NULL); /* somebody inside was faster */
}

static bool is_same(const LinkAddresses *a, const LinkAddresses *b)
{
        for (size_t i = 0; a->n == b->n && i < a->n; i++)
                if (!ip_address_equal(&a->items[i].address, &b->items[i].address))
                        return false;
        return a->n == b->n;
}

bool network_take_addresses(Network *n, LinkAddresses *list)
{
        LinkAddresses old = n->addresses;
        bool same = is_same(&old, list);

        n->addresses = *list;
        *list = LINK_ADDRESSES_NULL;
        link_addresses_done(&old);
        return !same;
}
