/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Routes: adding and removing. */

#include "os/address.h"

#include <linux/rtnetlink.h>
#include <stdbool.h>

typedef struct Route {
        int family;
        IpAddress destination; /* none: the default route */
        uint8_t prefix;        /* bits of the destination */
        IpAddress gateway;     /* may be of the other family (5.2+); none: on the link */
        int index;             /* the link */
        uint32_t metric;       /* 0: the kernel's (IPv6: 1024) */
        uint32_t table;        /* 0: RT_TABLE_MAIN */
        uint8_t type;          /* RTN_UNSPEC is taken for RTN_UNICAST; RTN_UNREACHABLE ... */
        uint8_t protocol;      /* who made it; RTPROT_UNSPEC is taken for RTPROT_STATIC */
        bool onlink;           /* the gateway is behind the link though no route says so */
} Route;

/* -EEXIST if there is one for the destination with that metric; with @replace it is changed. */
void route_add(NetlinkBatch *b, const Route *route, bool replace);
/* -ESRCH if there is none. */
void route_delete(NetlinkBatch *b, const Route *route);
