/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The network of one machine or pod while it is there: its links, the addresses on both ends, and
 * what the host needs to pass its packets on. The namespace itself is the caller's. */

#include "network/address-pool.h"
#include "network/network-plan.h"
#include "os/link-list.h"
#include "os/route.h"

/* Who gives host0 its addresses. */
typedef enum NetworkAddressing {
        NETWORK_ADDRESSING_NONE,     /* the machine and whoever is on its bridge */
        NETWORK_ADDRESSING_DECLARED, /* the definition */
        NETWORK_ADDRESSING_POOL,     /* we do */
        NETWORK_ADDRESSING_NETWORKD, /* systemd-networkd of the host, by DHCP */
        _NETWORK_ADDRESSING_MAX,
        _NETWORK_ADDRESSING_INVALID = -EINVAL,
} NetworkAddressing;
DECLARE_STRING_TABLE(network_addressing, NetworkAddressing);

typedef struct Network {
        const NetworkPlan *plan;
        const char *name;
        NetworkAddressing addressing;
        AddressPool pool;
        AddressPair own; /* of the pool */
        bool own_taken;
        bool ipv6;                    /* its addresses can be used */
        LinkAddresses addresses;      /* of the first link, whoever chose them; not networkd's */
        IpAddress gateway4, gateway6; /* the host's end, or the declared one; none: no route */

        int host_fd;    /* netlink sockets in the two namespaces */
        int machine_fd; /* also keeps the machine's alive, until links are brought home */
        bool up;
} Network;

#define NETWORK_NULL ((Network){ .host_fd = -EBADF, .machine_fd = -EBADF })

/* Decides who gives addresses and takes ours: before the file systems are made, which tell them to
 * the machine. @plan and @name must outlive @ret. */
int network_acquire(const NetworkPlan *plan, const char *name, const HostSettings *settings,
                    Network *ret, Error *error);

/* Makes the links between our namespace and the one of @netns_fd. @machine_fd, a NETLINK_ROUTE
 * socket of that one, is taken in any case. Before PID 1 runs. */
int network_up(Network *n, int netns_fd, int machine_fd, Error *error);

/* Brings moved links home and removes the others: after the end of PID 1. For network_up() again,
 * or for network_release(). */
void network_down(Network *n);
void network_release(Network *n);
/* Frees what is ours and leaves the network as it is: it goes on without us. */
void network_leave(Network *n);

/* What network_acquire() decided, as text: for whoever takes the network up again. The caller frees
 * *ret. */
int network_format(const Network *n, char **ret);
/* From that text; takes nothing anew. @plan and @name must outlive @ret. -EBADMSG if it is not such
 * a text. */
int network_restore(const NetworkPlan *plan, const char *name, const char *text, Network *ret,
                    Error *error);

/* Whether the other end of the machine's link is the host itself, which passes its packets on and
 * answers its questions for names. Its addresses may be known only later. */
bool network_is_routed(const Network *n);
/* The host's link by which packets of the machine come and go: a bridge or a zone that it is in, or
 * the other end of host0. */
const char *network_host_link(const NetworkPlan *plan);

/* Puts the gateways' addresses at the host's link @index and the routes to the machine back, where
 * somebody took them. Returns whether an address was missing. */
bool network_mend_outside(const Network *n, int index);

/* Where systemd-networkd gave the host's end the address @host and nobody gave host0 one: an
 * address of the same subnet, the last that is neither the host's nor in @taken, and a default
 * route. -EADDRNOTAVAIL: there is none left. */
int network_give(Network *n, const LinkAddress *host, const LinkAddresses *taken, LinkAddress *ret,
                 Error *error);
/* Takes what network_give() gave from host0; the route stays until another takes its place. */
void network_take_back(const Network *n, const LinkAddress *given);
/* Host0 has the addresses of @list, which is taken. Returns whether that is something new. */
bool network_take_addresses(Network *n, LinkAddresses *list);

/* Parts, for network*.c only. */
int network_add_links(Network *n, int netns_fd, Error *error);
int network_add_addresses(Network *n, Error *error);
int network_join_bridge(Network *n, Error *error);
/* The alias that says that a link is ours, and its long name. */
void network_sign(const Network *n, NetlinkBatch *b, const LinkName *link);
/* Whose link it is by that, in its own memory; NULL: none of ours. */
const char *network_signer(const Link *link);
/* One that is signed so; another of that name is left alone. */
void network_remove_own(const Network *n, const char *name);
void network_leave_addresses(const Network *n);
int network_set_inside(const Network *n, const LinkAddress *addresses, size_t n_addresses,
                       Error *error);
void network_leave_zone(const Network *n);
