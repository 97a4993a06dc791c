/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* RTM_NEWLINK and its sisters. Knows kinds of links, not what a machine wants with them. */

#include "os/link.h"

#include <assert.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <string.h>

static bool is_valid(const char *name, size_t max)
{
        static const char *const taken[] = { ".", "..", "all", "default" };
        size_t n = strlen(name);

        if (n == 0 || n > max || strspn(name, "0123456789") == n)
                return false;
        for (size_t i = 0; i < n; i++)
                if (name[i] <= ' ' || name[i] >= 127 || strchr("/:%", name[i]))
                        return false;
        for (size_t i = 0; i < ELEMENTSOF(taken); i++)
                if (strcmp(name, taken[i]) == 0)
                        return false;
        return true;
}

bool link_name_is_valid(const char *name)
{
        return is_valid(name, IFNAMSIZ - 1);
}

bool link_altname_is_valid(const char *name)
{
        return is_valid(name, LINK_ALTNAME_MAX);
}

#define NEW (NLM_F_CREATE | NLM_F_EXCL)

static void put_spec(NetlinkBatch *b, const LinkSpec *spec)
{
        netlink_put_string(b, IFLA_IFNAME, spec->name);
        if (spec->mac)
                netlink_put(b, IFLA_ADDRESS, spec->mac->bytes, sizeof(spec->mac->bytes));
        if (spec->mtu > 0)
                netlink_put_u32(b, IFLA_MTU, spec->mtu);
        if (spec->n_queues > 0) {
                netlink_put_u32(b, IFLA_NUM_TX_QUEUES, spec->n_queues);
                netlink_put_u32(b, IFLA_NUM_RX_QUEUES, spec->n_queues);
        }
        if (spec->netns_fd >= 0)
                netlink_put_u32(b, IFLA_NET_NS_FD, (uint32_t)spec->netns_fd);
}

static struct ifinfomsg spec_header(const LinkSpec *spec)
{
        return (struct ifinfomsg){
                .ifi_family = AF_UNSPEC,
                .ifi_flags = spec->up ? IFF_UP : 0,
                .ifi_change = spec->up ? IFF_UP : 0,
        };
}

/* Everything up to the data of the kind; ended by end_kind(). */
static void begin_kind(NetlinkBatch *b, const LinkSpec *spec, int parent, const char *kind)
{
        struct ifinfomsg header = spec_header(spec);

        netlink_begin(b, RTM_NEWLINK, NEW, &header, sizeof(header));
        put_spec(b, spec);
        if (parent > 0)
                netlink_put_u32(b, IFLA_LINK, (uint32_t)parent);
        netlink_nest_begin(b, IFLA_LINKINFO);
        netlink_put_string(b, IFLA_INFO_KIND, kind);
}

static void end_kind(NetlinkBatch *b)
{
        netlink_nest_end(b);
        netlink_end(b);
}

void link_add_veth(NetlinkBatch *b, const LinkSpec *own, const LinkSpec *peer)
{
        struct ifinfomsg header = spec_header(peer);

        assert(!peer->up);
        begin_kind(b, own, 0, "veth");
        netlink_nest_begin(b, IFLA_INFO_DATA);
        netlink_nest_begin_header(b, VETH_INFO_PEER, &header, sizeof(header));
        put_spec(b, peer);
        netlink_nest_end(b);
        netlink_nest_end(b);
        end_kind(b);
}

void link_add_bridge(NetlinkBatch *b, const LinkSpec *spec)
{
        begin_kind(b, spec, 0, "bridge");
        end_kind(b);
}

void link_add_dummy(NetlinkBatch *b, const LinkSpec *spec)
{
        begin_kind(b, spec, 0, "dummy");
        end_kind(b);
}

void link_add_ifb(NetlinkBatch *b, const LinkSpec *spec)
{
        begin_kind(b, spec, 0, "ifb");
        end_kind(b);
}

void link_add_macvlan(NetlinkBatch *b, const LinkSpec *spec, int parent)
{
        begin_kind(b, spec, parent, "macvlan");
        netlink_nest_begin(b, IFLA_INFO_DATA);
        netlink_put_u32(b, IFLA_MACVLAN_MODE, MACVLAN_MODE_BRIDGE);
        netlink_nest_end(b);
        end_kind(b);
}

void link_add_ipvlan(NetlinkBatch *b, const LinkSpec *spec, int parent)
{
        begin_kind(b, spec, parent, "ipvlan");
        netlink_nest_begin(b, IFLA_INFO_DATA);
        netlink_put_u16(b, IFLA_IPVLAN_MODE, IPVLAN_MODE_L2);
        netlink_nest_end(b);
        end_kind(b);
}

static void begin_existing(NetlinkBatch *b, uint16_t type, uint16_t flags, LinkRef link,
                           struct ifinfomsg header)
{
        header.ifi_index = link.index;
        netlink_begin(b, type, flags, &header, sizeof(header));
        /* an attribute of 16 bytes cannot hold a longer one; both find either sort of name */
        if (link.index == 0)
                netlink_put_string(b, strlen(link.name) < IFNAMSIZ ? IFLA_IFNAME : IFLA_ALT_IFNAME,
                                   link.name);
}

static void begin_set(NetlinkBatch *b, LinkRef link)
{
        begin_existing(b, RTM_SETLINK, 0, link, (struct ifinfomsg){});
}

void link_set_up(NetlinkBatch *b, LinkRef link, bool up)
{
        begin_existing(b, RTM_SETLINK, 0, link,
                       (struct ifinfomsg){ .ifi_flags = up ? IFF_UP : 0, .ifi_change = IFF_UP });
        netlink_end(b);
}

void link_set_master(NetlinkBatch *b, LinkRef link, int master)
{
        begin_set(b, link);
        netlink_put_u32(b, IFLA_MASTER, (uint32_t)master);
        netlink_end(b);
}

void link_move(NetlinkBatch *b, int index, const char *name, int netns_fd)
{
        begin_set(b, LINK_BY_INDEX(index));
        if (name)
                netlink_put_string(b, IFLA_IFNAME, name);
        if (netns_fd >= 0)
                netlink_put_u32(b, IFLA_NET_NS_FD, (uint32_t)netns_fd);
        netlink_end(b);
}

void link_add_altname(NetlinkBatch *b, LinkRef link, const char *altname)
{
        begin_existing(b, RTM_NEWLINKPROP, NEW | NLM_F_APPEND, link, (struct ifinfomsg){});
        netlink_nest_begin(b, IFLA_PROP_LIST);
        netlink_put_string(b, IFLA_ALT_IFNAME, altname);
        netlink_nest_end(b);
        netlink_end(b);
}

void link_set_alias(NetlinkBatch *b, LinkRef link, const char *alias)
{
        begin_set(b, link);
        netlink_put(b, IFLA_IFALIAS, alias, strlen(alias));
        netlink_end(b);
}

void link_delete(NetlinkBatch *b, LinkRef link)
{
        begin_existing(b, RTM_DELLINK, 0, link, (struct ifinfomsg){});
        netlink_end(b);
}
