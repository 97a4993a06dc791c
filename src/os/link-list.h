/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The network interfaces that there are. */

#include "os/link.h"
#include "os/netlink.h"

/* Since the link was made. */
typedef struct LinkStatistics {
        uint64_t rx_packets, tx_packets;
        uint64_t rx_bytes, tx_bytes;
        uint64_t rx_errors, tx_errors;
        uint64_t rx_dropped, tx_dropped;
} LinkStatistics;

typedef struct Link {
        int index;
        char name[IFNAMSIZ];
        char **altnames;
        char *alias;       /* words of whoever made it, or NULL */
        char kind[32];     /* "veth", "bridge" ...; "" for hardware and lo */
        int master;        /* index of its bridge, or 0 */
        int peer;          /* index of the veth's other end or of the parent, or 0 */
        int peer_netns;    /* number of the namespace where that is; -1: the same as ours */
        uint32_t flags;    /* IFF_UP, IFF_LOWER_UP ... */
        uint8_t operstate; /* IF_OPER_* of linux/if.h */
        uint32_t mtu;
        MacAddress mac; /* zeros if its addresses are of another size */
        LinkStatistics statistics;
} Link;

typedef struct LinkList {
        Link *items;
        size_t n;
} LinkList;

#define LINK_NULL ((Link){ .peer_netns = -1 })
#define LINK_LIST_NULL ((LinkList){})
#define _cleanup_link_ _cleanup_(link_done)
#define _cleanup_link_list_ _cleanup_(link_list_done)

void link_done(Link *link);
void link_list_done(LinkList *list);

/* All links of the namespace of the socket. */
int link_list(int fd, LinkList *ret);
/* Those of @kind, which the kernel looks for: cheap also where there are thousands of others. */
int link_list_kind(int fd, const char *kind, LinkList *ret);
/* One, by index, name or alternative name. -ENODEV if there is none. */
int link_find(int fd, LinkRef ref, Link *ret);
/* One out of an RTM_NEWLINK message. */
int link_parse(const NetlinkMessage *message, Link *ret);
