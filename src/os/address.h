/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* IP addresses of network interfaces: adding, removing, listing. */

#include "os/netlink.h"

#include <netinet/in.h>

typedef struct IpAddress {
        int family; /* AF_INET, AF_INET6; AF_UNSPEC: none */
        union {
                struct in_addr v4;
                struct in6_addr v6;
                uint8_t bytes[16];
        };
} IpAddress;

/* Of a family; 0 for one that we do not know. */
size_t ip_address_size(int family);
bool ip_address_equal(const IpAddress *a, const IpAddress *b);
/* The address of @family in an attribute; none if that is missing or has another size. */
IpAddress ip_address_read(const NetlinkAttribute *a, int family);

/* An address on a link. */
typedef struct LinkAddress {
        int index;
        IpAddress address;
        IpAddress peer;     /* the other end of a point-to-point link; mostly none */
        uint8_t prefix;     /* bits of the peer's network, or else the address's own */
        uint8_t scope;      /* RT_SCOPE_UNIVERSE is 0 */
        uint32_t flags;     /* IFA_F_NODAD, IFA_F_NOPREFIXROUTE; listed also IFA_F_TENTATIVE ... */
        uint32_t valid_sec; /* to add: until the kernel takes it away, unless it is added again; 0:
                             * for ever */
} LinkAddress;

typedef struct LinkAddresses {
        LinkAddress *items;
        size_t n;
} LinkAddresses;

#define LINK_ADDRESSES_NULL ((LinkAddresses){})
#define _cleanup_link_addresses_ _cleanup_(link_addresses_done)
void link_addresses_done(LinkAddresses *list);
bool link_addresses_have(const LinkAddresses *list, const IpAddress *a);

/* -EEXIST if the link has it; with @replace that one is changed instead. */
void address_add(NetlinkBatch *b, const LinkAddress *address, bool replace);
/* -EADDRNOTAVAIL if the link has it not. */
void address_delete(NetlinkBatch *b, const LinkAddress *address);
/* The addresses of the link @index (0: of all) and of @family (AF_UNSPEC: of both). */
int address_list(int fd, int index, int family, LinkAddresses *ret);
