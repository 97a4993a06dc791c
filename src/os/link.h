/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Network interfaces, as requests appended to a batch for netlink_call(). Whoever is named by a
 * descriptor is named by one of ours; it must stay open until the call. */

#include "os/netlink-batch.h"

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#define LINK_ALTNAME_MAX 127 /* ALTIFNAMSIZ without its NUL byte */

typedef struct MacAddress {
        uint8_t bytes[6];
} MacAddress;

/* What a new link shall be. */
typedef struct LinkSpec {
        const char *name;
        const MacAddress *mac; /* NULL: a random one */
        uint32_t mtu;          /* 0: the default of its kind */
        int netns_fd;          /* where it is made; < 0: in the namespace of the socket */
        bool up;
        uint32_t n_queues; /* in each direction; 0: the default of its kind */
} LinkSpec;
#define LINK_SPEC_NULL ((LinkSpec){ .netns_fd = -EBADF })

/* An existing link: by index, or if that is 0 by name or alternative name. */
typedef struct LinkRef {
        int index;
        const char *name;
} LinkRef;
#define LINK_BY_INDEX(i) ((LinkRef){ .index = (i) })
#define LINK_BY_NAME(n) ((LinkRef){ .name = (n) })

/* New links; -EEXIST if the name, also as an alternative one, is taken. The
 * peer of a veth cannot be made up (veth opens no end that has no other yet, and the peer is
 * first): link_set_up() in its namespace does it. */
void link_add_veth(NetlinkBatch *b, const LinkSpec *own, const LinkSpec *peer);
void link_add_bridge(NetlinkBatch *b, const LinkSpec *spec);
void link_add_dummy(NetlinkBatch *b, const LinkSpec *spec);
/* What is redirected to it passes its queue and goes on as if nothing had been. */
void link_add_ifb(NetlinkBatch *b, const LinkSpec *spec);
/* On top of the link @parent of the socket's namespace: macvlan in bridge mode, ipvlan in mode L2,
 * which has the parent's address. */
void link_add_macvlan(NetlinkBatch *b, const LinkSpec *spec, int parent);
void link_add_ipvlan(NetlinkBatch *b, const LinkSpec *spec, int parent);

void link_set_up(NetlinkBatch *b, LinkRef link, bool up);
/* Port of the bridge @master; 0: of none. */
void link_set_master(NetlinkBatch *b, LinkRef link, int master);
/* Renames (@name not NULL) and moves (@netns_fd >= 0) at once. By index only, since a name in this
 * request is the new one. A link that is up cannot be renamed before 6.2. */
void link_move(NetlinkBatch *b, int index, const char *name, int netns_fd);
/* One more name (5.5+), of up to LINK_ALTNAME_MAX characters. */
void link_add_altname(NetlinkBatch *b, LinkRef link, const char *altname);
/* Words for people and for whoever wants to know whose it is: `ip link` shows them. */
void link_set_alias(NetlinkBatch *b, LinkRef link, const char *alias);
/* -ENODEV: there is none. The other end of a veth goes too. */
void link_delete(NetlinkBatch *b, LinkRef link);

/* Whether the kernel, systemd and the paths below /proc/sys/net take it: 1 to 15 printable ASCII
 * characters without "/", ":" and "%", not only digits, and none of ".", "..", "all" and
 * "default". */
bool link_name_is_valid(const char *name);
/* The same with up to 127 characters. */
bool link_altname_is_valid(const char *name);
