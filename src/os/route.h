/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Routes: adding, removing, listing. */

#include "os/address.h"

#include <linux/rtnetlink.h>
#include <stdbool.h>

typedef struct Route {
        int family;
        IpAddress destination; /* none: the default route */
        uint8_t prefix;        /* bits of the destination */
        IpAddress gateway;     /* may be of the other family (5.2+); none: on the link */
        int index;             /* the link; 0 in a list: it has several next hops */
        uint32_t metric;       /* 0: the kernel's (IPv6: 1024) */
        uint32_t table;        /* 0: RT_TABLE_MAIN */
        uint8_t type;          /* RTN_UNSPEC is taken for RTN_UNICAST; RTN_UNREACHABLE ... */
        uint8_t protocol;      /* who made it; RTPROT_UNSPEC is taken for RTPROT_STATIC */
        uint8_t scope;         /* in a list; made routes get the one that fits */
        bool onlink;           /* the gateway is behind the link though no route says so */
} Route;

typedef struct RouteList {
        Route *items;
        size_t n;
} RouteList;

#define ROUTE_LIST_NULL ((RouteList){})
#define _cleanup_route_list_ _cleanup_(route_list_done)
void route_list_done(RouteList *list);

/* -EEXIST if there is one for the destination with that metric; with @replace it is changed. */
void route_add(NetlinkBatch *b, const Route *route, bool replace);
/* -ESRCH if there is none. */
void route_delete(NetlinkBatch *b, const Route *route);
/* Of @family (AF_UNSPEC: both) in @table (0: all tables), without the kernel's cache. A host with
 * the whole Internet in its tables has a million of them. */
int route_list(int fd, int family, uint32_t table, RouteList *ret);
