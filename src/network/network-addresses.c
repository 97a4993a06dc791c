/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses and routes of both ends. The host's end has the gateway's address and a route to each
 * of the machine's; the machine's default route leads to it, on the link whatever its prefix. */

#include "network/network.h"

#include "base/cleanup.h"
#include "os/neighbour.h"

#include <linux/if_addr.h>
#include <sys/socket.h>

/* Of a link that nobody else has: duplicates need not be looked for. */
static void put_address(NetlinkBatch *b, int index, const IpAddress *ip, unsigned prefix,
                        uint32_t flags)
{
        LinkAddress a = { .index = index,
                          .address = *ip,
                          .prefix = (uint8_t)prefix,
                          .flags = flags | (ip->family == AF_INET6 ? IFA_F_NODAD : 0) };

        address_add(b, &a, true);
}

static int find_index(const Network *n, int fd, const char *name, int *ret, Error *error)
{
        _cleanup_link_ Link link = LINK_NULL;
        int r = link_find(fd, LINK_BY_NAME(name), &link);

        if (r < 0)
                return error_errno(error, -r, "Failed to find interface '%s' of '%s'", name,
                                   n->name);
        *ret = link.index;
        return 0;
}

static int call(const Network *n, int fd, NetlinkBatch *b, const char *link, Error *error)
{
        NetlinkFailure failure = {};
        int r = netlink_call(fd, b, &failure);

        return r < 0 ? error_errno(error, -r, "Failed to set addresses of '%s' for '%s'%s%s", link,
                                   n->name, failure.text[0] ? ": " : "", failure.text)
                     : 0;
}

int network_set_inside(const Network *n, const LinkAddress *addresses, size_t n_addresses,
                       Error *error)
{
        const IpAddress *gateways[] = { &n->gateway4, &n->gateway6 };
        const char *host0 = n->plan->links[0].inside;
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        int index, r = find_index(n, n->machine_fd, host0, &index, error);

        if (r < 0)
                return r;
        for (size_t i = 0; i < n_addresses; i++)
                put_address(&b, index, &addresses[i].address, addresses[i].prefix, 0);
        for (size_t i = 0; i < ELEMENTSOF(gateways); i++)
                if (gateways[i]->family != AF_UNSPEC) {
                        Route route = { .family = gateways[i]->family,
                                        .gateway = *gateways[i],
                                        .index = index,
                                        .onlink = true };

                        route_add(&b, &route, true);
                }
        return call(n, n->machine_fd, &b, host0, error);
}

static Route route_to(const IpAddress *ip, int index)
{
        return (Route){ .family = ip->family,
                        .destination = *ip,
                        .prefix = (uint8_t)(ip_address_size(ip->family) * 8),
                        .index = index };
}

/* Who has an address: until a link has made sure that nobody else has its own link-local address,
 * the kernel asks for no neighbours on behalf of others there, and drops what it should forward by
 * IPv6, one to two seconds long. */
static void put_neighbour(const Network *n, NetlinkBatch *b, int index, const IpAddress *ip)
{
        const MacAddress *mac = &n->plan->links[0].inside_mac;

        if (!mac_address_is_null(mac))
                neighbour_add(b, index, ip, mac);
}

/* A route that is there is another machine's with the same address, or some other use of it: it
 * stays. But for our own that a killed launcher left on the bridge of a zone. */
static int add_routes(const Network *n, int index, Error *error)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        int r;

        if (n->plan->zone.name[0])
                network_leave_addresses(n);
        for (size_t i = 0; i < n->addresses.n; i++) {
                Route route = route_to(&n->addresses.items[i].address, index);

                route_add(&b, &route, false);
                put_neighbour(n, &b, index, &n->addresses.items[i].address);
        }
        r = netlink_call(n->host_fd, &b, NULL);
        if (r == -EEXIST) {
                error_set(error, EEXIST,
                          "The host has a route to an address of '%s' already: another machine or "
                          "link has it",
                          n->name);
                error_hint(error, "ip route show table main; ip -6 route show table main");
                return r;
        }
        return r < 0 ? error_errno(error, -r, "Failed to add routes to '%s'", n->name) : 0;
}

static void put_gateways(const Network *n, NetlinkBatch *b, int index)
{
        const IpAddress *gateways[] = { &n->gateway4, &n->gateway6 };

        for (size_t i = 0; i < ELEMENTSOF(gateways); i++)
                if (gateways[i]->family != AF_UNSPEC)
                        put_address(b, index, gateways[i],
                                    (unsigned)ip_address_size(gateways[i]->family) * 8,
                                    IFA_F_NOPREFIXROUTE);
}

static bool has_gateways(const Network *n, int index)
{
        const IpAddress *gateways[] = { &n->gateway4, &n->gateway6 };
        _cleanup_link_addresses_ LinkAddresses list = LINK_ADDRESSES_NULL;

        if (address_list(n->host_fd, index, AF_UNSPEC, &list) < 0)
                return true; /* the link is gone, and all of it */
        for (size_t i = 0; i < ELEMENTSOF(gateways); i++)
                if (gateways[i]->family != AF_UNSPEC && !link_addresses_have(&list, gateways[i]))
                        return false;
        return true;
}

bool network_mend_outside(const Network *n, int index)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        bool there = has_gateways(n, index);

        if (!there) /* or all would hear of a change */
                put_gateways(n, &b, index);
        for (size_t i = 0; i < n->addresses.n; i++) {
                Route route = route_to(&n->addresses.items[i].address, index);

                route_add(&b, &route, false);
                put_neighbour(n, &b, index, &n->addresses.items[i].address);
        }
        (void)netlink_call(n->host_fd, &b, NULL); /* what is there already stays */
        return !there;
}

/* Where the other end is the host itself. */
static int set_outside(const Network *n, const char *link, Error *error)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        int index, r = find_index(n, n->host_fd, link, &index, error);

        if (r < 0)
                return r;
        put_gateways(n, &b, index);
        r = call(n, n->host_fd, &b, link, error);
        return r < 0 ? r : add_routes(n, index, error);
}

void network_leave_addresses(const Network *n)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        _cleanup_link_ Link link = LINK_NULL;

        if (!network_is_routed(n) ||
            link_find(n->host_fd, LINK_BY_NAME(network_host_link(n->plan)), &link) < 0)
                return;
        for (size_t i = 0; i < n->addresses.n; i++) {
                Route route = route_to(&n->addresses.items[i].address, link.index);

                route_delete(&b, &route);
        }
        (void)netlink_call(n->host_fd, &b, NULL); /* gone already is as well */
}

const char *network_host_link(const NetworkPlan *plan)
{
        if (plan->bridge)
                return plan->bridge;
        return plan->zone.name[0] ? plan->zone.name : plan->links[0].host.name;
}

int network_add_addresses(Network *n, Error *error)
{
        int r = 0;

        if (n->addresses.n == 0)
                return 0;
        if (network_is_routed(n))
                r = set_outside(n, network_host_link(n->plan), error);
        return r < 0 ? r : network_set_inside(n, n->addresses.items, n->addresses.n, error);
}
