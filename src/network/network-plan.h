/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The links of one machine or pod, decided before any is made: from its settings, its name and the
 * host's machine id, without privilege. Must not know who else runs. */

#include "config/host-settings.h"
#include "config/settings.h"
#include "network/link-name.h"

typedef enum NetworkLinkKind {
        NETWORK_LINK_VETH,    /* host0 */
        NETWORK_LINK_EXTRA,   /* a further veth */
        NETWORK_LINK_MACVLAN, /* on top of a link of the host */
        NETWORK_LINK_IPVLAN,
        NETWORK_LINK_INTERFACE, /* a link of the host, moved in and brought back */
        _NETWORK_LINK_KIND_MAX,
        _NETWORK_LINK_KIND_INVALID = -EINVAL,
} NetworkLinkKind;
DECLARE_STRING_TABLE(network_link_kind, NetworkLinkKind);

typedef struct NetworkLink {
        NetworkLinkKind kind;
        LinkName host; /* the host's end of a veth; of all others the link that they are made of */
        char inside[IFNAMSIZ];
        MacAddress host_mac, inside_mac; /* all 0: the kernel's choice */
} NetworkLink;

typedef struct NetworkPlan {
        NetworkLink *links; /* host0 is the first if there is one */
        size_t n_links;
        bool veth;           /* there is a host0 */
        char *bridge;        /* which host0's other end is a port of, or NULL */
        LinkName zone;       /* the same, one that comes and goes with its members; "" if none */
        MacAddress zone_mac; /* or the bridge would change its own with its members */
        AddressSettings addresses; /* declared; none: the pool's, or the host's networkd's */
        AddressSetting gateway_ipv4, gateway_ipv6; /* declared */
        AddressSettings dns;                       /* declared */
        uint32_t mtu;
        BandwidthSetting bandwidth; /* of host0 */
        LinkName detour;            /* by which host0's packets come if they are limited */
        PortSettings ports;
        Id128 host; /* machine id of the host; all 0 where it has none */
} NetworkPlan;

#define NETWORK_PLAN_NULL ((NetworkPlan){})

/* Takes what it needs out of @settings. @host: machine id of the host, for MAC addresses. */
int network_plan_make(Settings *settings, const char *name, const Id128 *host, NetworkPlan *ret,
                      Error *error);
void network_plan_done(NetworkPlan *plan);

/* Whether the namespace shall hold anything but lo. */
static inline bool network_plan_has_links(const NetworkPlan *plan)
{
        return plan->n_links > 0;
}
