/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The life of a machine's network. Every step before network_up() leaves nothing in the kernel. */

#include "network/network.h"

#include "base/cleanup.h"
#include "network/bandwidth.h"
#include "network/networkd.h"
#include "network/sysctl.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

DEFINE_STRING_TABLE(network_addressing, NetworkAddressing, [NETWORK_ADDRESSING_NONE] = "none",
                    [NETWORK_ADDRESSING_DECLARED] = "declared", [NETWORK_ADDRESSING_POOL] = "pool",
                    [NETWORK_ADDRESSING_NETWORKD] = "networkd")

bool network_is_routed(const Network *n)
{
        return n->plan->veth && !n->plan->bridge && n->addressing != NETWORK_ADDRESSING_NONE;
}

/* Of no use on links of the host on which it is turned off, as ours will be. */
static bool has_ipv6(const NetworkPlan *plan)
{
        if (access("/proc/sys/net/ipv6", F_OK) < 0) /* ipv6.disable=1 */
                return false;
        return !plan->veth || plan->bridge || !sysctl_is("ipv6/conf/default/disable_ipv6", "1");
}

static NetworkAddressing choose(const NetworkPlan *plan)
{
        if (plan->addresses.n > 0)
                return NETWORK_ADDRESSING_DECLARED;
        if (!plan->veth || plan->bridge) /* somebody else's, and so are the addresses in it */
                return NETWORK_ADDRESSING_NONE;
        return networkd_runs() ? NETWORK_ADDRESSING_NETWORKD : NETWORK_ADDRESSING_POOL;
}

static AddressPool pool_of(const HostSettings *settings, const Id128 *host)
{
        AddressSetting v6 = host_settings_pool6(settings, host);
        AddressPool pool = { .bits = settings->network_pool.prefix };

        memcpy(&pool.network, settings->network_pool.bytes, sizeof(pool.network));
        memcpy(&pool.prefix, v6.bytes, sizeof(pool.prefix));
        return pool;
}

static IpAddress ip_of(const AddressSetting *a)
{
        IpAddress ip = { .family = a->family };

        memcpy(ip.bytes, a->bytes, ip_address_size(a->family));
        return ip;
}

static int add_address(Network *n, const IpAddress *ip, unsigned prefix)
{
        LinkAddress *items;

        if (ip->family == AF_INET6 && !n->ipv6)
                return 0;
        items = reallocarray(n->addresses.items, n->addresses.n + 1, sizeof(*items));
        if (!items)
                return -ENOMEM;
        n->addresses.items = items;
        items[n->addresses.n++] = (LinkAddress){ .address = *ip, .prefix = (uint8_t)prefix };
        return 0;
}

/* The gateways: declared ones as they are. Where the link's other end is the host itself and none
 * is declared, the host's own. */
static void choose_gateways(Network *n)
{
        AddressPair host = address_pool_gateway(&n->pool);
        bool v4 = false, v6 = false;

        n->gateway4 = ip_of(&n->plan->gateway_ipv4);
        if (n->ipv6)
                n->gateway6 = ip_of(&n->plan->gateway_ipv6);
        if (!network_is_routed(n))
                return;
        for (size_t i = 0; i < n->addresses.n; i++) {
                v4 = v4 || n->addresses.items[i].address.family == AF_INET;
                v6 = v6 || n->addresses.items[i].address.family == AF_INET6;
        }
        if (v4 && n->gateway4.family == AF_UNSPEC)
                n->gateway4 = (IpAddress){ .family = AF_INET, .v4 = host.v4 };
        if (v6 && n->gateway6.family == AF_UNSPEC)
                n->gateway6 = (IpAddress){ .family = AF_INET6, .v6 = host.v6 };
}

/* Addresses of both families are of use with one; without any the machine would be cut off. */
static int refuse_ipv6(const Network *n, Error *error)
{
        error_set(error, EAFNOSUPPORT,
                  "IPv6 is turned off on this host, and '%s' shall have no other address", n->name);
        error_hint(error, "sysctl -w net.ipv6.conf.default.disable_ipv6=0; or an Address= of IPv4");
        return -EAFNOSUPPORT;
}

static int take_addresses(Network *n, Error *error)
{
        int r = 0;

        if (n->addressing == NETWORK_ADDRESSING_POOL) {
                r = address_pool_take(&n->pool, n->host_fd, n->name, &n->own, error);
                if (r < 0)
                        return r;
                n->own_taken = true;
                r = add_address(n, &(IpAddress){ .family = AF_INET, .v4 = n->own.v4 }, 32);
                if (r >= 0)
                        r = add_address(n, &(IpAddress){ .family = AF_INET6, .v6 = n->own.v6 },
                                        128);
        }
        for (size_t i = 0; i < n->plan->addresses.n && r >= 0; i++) {
                IpAddress ip = ip_of(&n->plan->addresses.items[i]);

                r = add_address(n, &ip, n->plan->addresses.items[i].prefix);
        }
        if (r < 0)
                return error_set(error, -r, "Out of memory");
        return n->plan->addresses.n > 0 && n->addresses.n == 0 ? refuse_ipv6(n, error) : 0;
}

int network_acquire(const NetworkPlan *plan, const char *name, const HostSettings *settings,
                    Network *ret, Error *error)
{
        Network n = NETWORK_NULL;
        int r = 0;

        n.plan = plan;
        n.name = name;
        n.addressing = choose(plan);
        n.ipv6 = has_ipv6(plan);
        n.pool = pool_of(settings, &plan->host);
        if (network_plan_has_links(plan)) {
                n.host_fd = netlink_open(NETLINK_ROUTE);
                if (n.host_fd < 0)
                        r = error_errno(error, -n.host_fd, "Failed to open a netlink socket");
        }
        if (r >= 0)
                r = take_addresses(&n, error);
        if (r < 0) {
                network_release(&n);
                return r;
        }
        choose_gateways(&n);
        *ret = n;
        return 0;
}

int network_up(Network *n, int netns_fd, int machine_fd, Error *error)
{
        int r;

        n->machine_fd = machine_fd;
        n->up = true;
        r = network_add_links(n, netns_fd, error);
        if (r >= 0)
                r = network_join_bridge(n, error);
        if (r >= 0)
                r = network_add_addresses(n, error);
        if (r >= 0)
                r = bandwidth_up(n, error);
        if (r < 0)
                network_down(n);
        return r;
}

void network_release(Network *n)
{
        network_down(n);
        if (n->own_taken)
                address_pool_release(n->name, &n->own);
        link_addresses_done(&n->addresses);
        closep(&n->host_fd);
        *n = NETWORK_NULL;
}

void network_leave(Network *n)
{
        n->up = n->own_taken = false;
        closep(&n->machine_fd);
        n->machine_fd = -EBADF;
        network_release(n);
}
