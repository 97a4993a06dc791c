/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* RTM_GETLINK, and what its answers say. */

#include "os/link-list.h"

#include "base/strv.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

void link_done(Link *link)
{
        (void)strv_free(link->altnames);
        free(link->alias);
        *link = LINK_NULL;
}

void link_list_done(LinkList *list)
{
        for (size_t i = 0; i < list->n; i++)
                link_done(&list->items[i]);
        free(list->items);
        *list = LINK_LIST_NULL;
}

/* Cut to what the field holds: the kernel sends no longer ones. */
static void copy_string(const NetlinkAttribute *a, char *ret, size_t size)
{
        const char *s = netlink_string(a);

        (void)snprintf(ret, size, "%s", s ? s : "");
}

static int parse_altnames(const NetlinkAttribute *list, Link *link)
{
        const void *data = list->data;
        size_t size = list->size;
        NetlinkAttribute a;
        uint16_t type;
        int r;

        while ((r = netlink_attribute_next(&data, &size, &type, &a)) > 0) {
                const char *name = type == IFLA_ALT_IFNAME ? netlink_string(&a) : NULL;

                if (name)
                        r = strv_push(&link->altnames, name);
                if (r < 0)
                        return r;
        }
        return r;
}

static int parse_kind(const NetlinkAttribute *info, Link *link)
{
        NetlinkAttribute table[IFLA_INFO_KIND + 1];
        int r = netlink_parse(info->data, info->size, table, ELEMENTSOF(table));

        if (r == 0)
                copy_string(&table[IFLA_INFO_KIND], link->kind, sizeof(link->kind));
        return r;
}

static void parse_statistics(const NetlinkAttribute *a, LinkStatistics *ret)
{
        struct rtnl_link_stats64 s;

        netlink_copy(a, &s, sizeof(s));
        *ret = (LinkStatistics){
                .rx_packets = s.rx_packets,
                .tx_packets = s.tx_packets,
                .rx_bytes = s.rx_bytes,
                .tx_bytes = s.tx_bytes,
                .rx_errors = s.rx_errors,
                .tx_errors = s.tx_errors,
                .rx_dropped = s.rx_dropped,
                .tx_dropped = s.tx_dropped,
        };
}

int link_parse(const NetlinkMessage *message, Link *ret)
{
        const struct ifinfomsg *header = message->fixed;
        const NetlinkAttribute *a = message->attributes;
        _cleanup_link_ Link link = LINK_NULL;
        int r;

        link.index = header->ifi_index;
        link.flags = header->ifi_flags;
        copy_string(&a[IFLA_IFNAME], link.name, sizeof(link.name));
        link.master = (int)netlink_u32(&a[IFLA_MASTER], 0);
        link.peer = (int)netlink_u32(&a[IFLA_LINK], 0);
        link.peer_netns = (int)netlink_u32(&a[IFLA_LINK_NETNSID], UINT32_MAX);
        link.operstate = netlink_u8(&a[IFLA_OPERSTATE], IF_OPER_UNKNOWN);
        link.mtu = netlink_u32(&a[IFLA_MTU], 0);
        if (a[IFLA_ADDRESS].size == sizeof(link.mac))
                netlink_copy(&a[IFLA_ADDRESS], &link.mac, sizeof(link.mac));
        parse_statistics(&a[IFLA_STATS64], &link.statistics);
        if (netlink_string(&a[IFLA_IFALIAS])) {
                link.alias = strdup(netlink_string(&a[IFLA_IFALIAS]));
                if (!link.alias)
                        return -ENOMEM;
        }
        r = parse_kind(&a[IFLA_LINKINFO], &link);
        if (r == 0)
                r = parse_altnames(&a[IFLA_PROP_LIST], &link);
        if (r < 0)
                return r;
        *ret = link;
        link = LINK_NULL;
        return 0;
}

static int on_link(const NetlinkMessage *message, void *userdata)
{
        LinkList *list = userdata;
        Link link, *grown;
        int r = link_parse(message, &link);

        if (r < 0)
                return r;
        grown = reallocarray(list->items, list->n + 1, sizeof(*grown));
        if (!grown) {
                link_done(&link);
                return -ENOMEM;
        }
        list->items = grown;
        list->items[list->n++] = link;
        return 0;
}

static void on_restart(void *userdata)
{
        link_list_done(userdata);
}

static const NetlinkReader link_reader = {
        .type = RTM_NEWLINK,
        .fixed_size = sizeof(struct ifinfomsg),
        .on_message = on_link,
        .on_restart = on_restart,
};

static int list_all(int fd, const char *kind, LinkList *ret)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        _cleanup_link_list_ LinkList list = LINK_LIST_NULL;
        struct ifinfomsg header = { .ifi_family = AF_UNSPEC };
        int r;

        netlink_begin(&b, RTM_GETLINK, NLM_F_DUMP, &header, sizeof(header));
        if (kind) {
                netlink_nest_begin(&b, IFLA_LINKINFO);
                netlink_put_string(&b, IFLA_INFO_KIND, kind);
                netlink_nest_end(&b);
        }
        netlink_end(&b);
        r = netlink_query(fd, &b, &link_reader, &list, NULL);
        if (r < 0)
                return r;
        *ret = list;
        list = LINK_LIST_NULL;
        return 0;
}

int link_list(int fd, LinkList *ret)
{
        return list_all(fd, NULL, ret);
}

/* A kernel that does not know the kind does not filter by it. */
int link_list_kind(int fd, const char *kind, LinkList *ret)
{
        _cleanup_link_list_ LinkList list = LINK_LIST_NULL;
        size_t n = 0;
        int r = list_all(fd, kind, &list);

        if (r < 0)
                return r;
        for (size_t i = 0; i < list.n; i++) {
                if (strcmp(list.items[i].kind, kind) == 0)
                        list.items[n++] = list.items[i];
                else
                        link_done(&list.items[i]);
        }
        list.n = n;
        *ret = list;
        list = LINK_LIST_NULL;
        return 0;
}

int link_find(int fd, LinkRef ref, Link *ret)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        _cleanup_link_list_ LinkList list = LINK_LIST_NULL;
        struct ifinfomsg header = { .ifi_index = ref.index };
        int r;

        netlink_begin(&b, RTM_GETLINK, 0, &header, sizeof(header));
        if (ref.index == 0)
                netlink_put_string(&b, strlen(ref.name) < IFNAMSIZ ? IFLA_IFNAME : IFLA_ALT_IFNAME,
                                   ref.name);
        netlink_end(&b);
        r = netlink_query(fd, &b, &link_reader, &list, NULL);
        if (r < 0)
                return r;
        if (list.n != 1)
                return -EBADMSG;
        *ret = list.items[0];
        list.n = 0; /* taken */
        return 0;
}
