/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names and MAC addresses of the links of a machine, by the rules of systemd-nspawn. */

#include "network/network-plan.h"

#include "base/cleanup.h"
#include "network/mac.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST0 "host0" /* what networkd's shipped files expect inside */

DEFINE_STRING_TABLE(network_link_kind, NetworkLinkKind, [NETWORK_LINK_VETH] = "veth",
                    [NETWORK_LINK_EXTRA] = "veth-extra", [NETWORK_LINK_MACVLAN] = "macvlan",
                    [NETWORK_LINK_IPVLAN] = "ipvlan", [NETWORK_LINK_INTERFACE] = "interface")

/* What is made while the plan is. */
typedef struct Maker {
        NetworkPlan *plan;
        const char *name;
        const Id128 *host;
        const MacAddress *mac; /* given, for host0 or else the first macvlan */
        Error *error;
} Maker;

static int explain_name(const Maker *m, const char *prefix, const char *rest, int r)
{
        error_set(m->error, -r, "'%s%s' is not a name for a link", prefix, rest);
        error_hint(m->error, "name the machine with letters, digits, '-' and '.'");
        return r;
}

static NetworkLink *add(Maker *m, NetworkLinkKind kind)
{
        NetworkPlan *plan = m->plan;
        NetworkLink *links = reallocarray(plan->links, plan->n_links + 1, sizeof(*plan->links));

        if (!links)
                return NULL;
        plan->links = links;
        links[plan->n_links] = (NetworkLink){ .kind = kind };
        return &links[plan->n_links++];
}

static int add_host0(Maker *m, const Settings *s)
{
        bool bridged = s->network_bridge || s->network_zone;
        const char *prefix = bridged ? LINK_PREFIX_BRIDGED : LINK_PREFIX_VETH;
        NetworkLink *link;
        int r;

        if (!s->network_veth)
                return 0;
        link = add(m, NETWORK_LINK_VETH);
        if (!link)
                return error_set(m->error, ENOMEM, "Out of memory");
        r = link_name_make(prefix, m->name, &link->host);
        if (r < 0)
                return explain_name(m, prefix, m->name, r);
        (void)snprintf(link->inside, sizeof(link->inside), HOST0);
        link->host_mac = mac_derive(MAC_HOST, m->host, m->name, 0);
        link->inside_mac = mac_address_is_null(&s->network_mac)
                                   ? mac_derive(MAC_MACHINE, m->host, m->name, 0)
                                   : s->network_mac;
        m->plan->veth = true;
        if (link_name_make(LINK_PREFIX_DETOUR, m->name, &m->plan->detour) < 0)
                return explain_name(m, LINK_PREFIX_DETOUR, m->name, -EINVAL);
        return 0;
}

/* The name inside: as given, or else of @prefix and the host's (@prefix NULL: just that). */
static int name_inside(Maker *m, NetworkLink *link, const LinkPair *pair, const char *prefix)
{
        LinkName made = {};
        int r = 0;

        if (!pair->inside && prefix)
                r = link_name_make(prefix, pair->host, &made);
        if (r < 0)
                return explain_name(m, prefix, pair->host, r);
        (void)snprintf(link->inside, sizeof(link->inside), "%s",
                       pair->inside
                               ?: prefix ? made.name
                                         : pair->host);
        return 0;
}

static int add_pair(Maker *m, NetworkLinkKind kind, const LinkPair *pair, uint64_t index)
{
        static const char *const prefixes[_NETWORK_LINK_KIND_MAX] = {
                [NETWORK_LINK_MACVLAN] = LINK_PREFIX_MACVLAN,
                [NETWORK_LINK_IPVLAN] = LINK_PREFIX_IPVLAN,
        };
        NetworkLink *link = add(m, kind);

        if (!link)
                return error_set(m->error, ENOMEM, "Out of memory");
        (void)snprintf(link->host.name, sizeof(link->host.name), "%s", pair->host);
        if (kind == NETWORK_LINK_EXTRA) {
                link->host_mac = mac_derive(MAC_EXTRA_HOST, m->host, m->name, index);
                link->inside_mac = mac_derive(MAC_EXTRA_MACHINE, m->host, m->name, index);
        } else if (kind == NETWORK_LINK_MACVLAN) {
                link->inside_mac = index == 0 && !m->plan->veth && !mac_address_is_null(m->mac)
                                           ? *m->mac
                                           : mac_derive(MAC_MACVLAN, m->host, m->name, index);
        }
        return name_inside(m, link, pair, prefixes[kind]);
}

static int add_pairs(Maker *m, NetworkLinkKind kind, const LinkPairs *pairs)
{
        int r = 0;

        for (size_t i = 0; i < pairs->n && r >= 0; i++)
                r = add_pair(m, kind, &pairs->items[i], i);
        return r;
}

static int add_all(Maker *m, const Settings *s)
{
        int r = add_host0(m, s);

        if (r >= 0)
                r = add_pairs(m, NETWORK_LINK_EXTRA, &s->network_veth_extra);
        if (r >= 0)
                r = add_pairs(m, NETWORK_LINK_MACVLAN, &s->network_macvlan);
        if (r >= 0)
                r = add_pairs(m, NETWORK_LINK_IPVLAN, &s->network_ipvlan);
        if (r >= 0)
                r = add_pairs(m, NETWORK_LINK_INTERFACE, &s->network_interfaces);
        if (r < 0 || !s->network_zone)
                return r;
        if (link_name_make(LINK_PREFIX_ZONE, s->network_zone, &m->plan->zone) < 0)
                return explain_name(m, LINK_PREFIX_ZONE, s->network_zone, -EINVAL);
        /* of a machine's derivation, for a name that no machine has */
        m->plan->zone_mac = mac_derive(MAC_HOST, m->host, m->plan->zone.name, 0);
        return 0;
}

/* Two links of one name inside: found here, not by the kernel half way through. */
static int check_unique(const Maker *m)
{
        const NetworkPlan *plan = m->plan;

        for (size_t i = 0; i < plan->n_links; i++)
                for (size_t k = 0; k < i; k++)
                        if (strcmp(plan->links[i].inside, plan->links[k].inside) == 0)
                                return error_set(
                                        m->error, EINVAL,
                                        "Two links of '%s' would be called '%s' inside: its %s and "
                                        "its %s. Write HOST:INSIDE for one of them",
                                        m->name, plan->links[i].inside,
                                        network_link_kind_to_string(plan->links[k].kind),
                                        network_link_kind_to_string(plan->links[i].kind));
        return 0;
}

int network_plan_make(Settings *s, const char *name, const Id128 *host, NetworkPlan *ret,
                      Error *error)
{
        NetworkPlan plan = NETWORK_PLAN_NULL;
        Maker m = { &plan, name, host, &s->network_mac, error };
        int r = add_all(&m, s);

        if (r >= 0)
                r = check_unique(&m);
        if (r < 0) {
                network_plan_done(&plan);
                return r;
        }
        plan.host = *host;
        plan.bridge = TAKE_PTR(s->network_bridge);
        plan.addresses = s->network_addresses;
        plan.gateway_ipv4 = s->gateway_ipv4;
        plan.gateway_ipv6 = s->gateway_ipv6;
        plan.dns = s->network_dns;
        plan.mtu = s->network_mtu;
        plan.bandwidth = s->network_bandwidth;
        plan.ports = s->ports;
        s->network_addresses = s->network_dns = (AddressSettings){};
        s->ports = (PortSettings){};
        *ret = plan;
        return 0;
}

void network_plan_done(NetworkPlan *plan)
{
        free(plan->links);
        free(plan->bridge);
        address_settings_done(&plan->addresses);
        address_settings_done(&plan->dns);
        port_settings_done(&plan->ports);
        *plan = NETWORK_PLAN_NULL;
}
