/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the table of connections and deletes single ones, by the words of the kernel's own answer.
 * Flows that the host only passes on may have the same ports: they are not to its addresses. */

#include "network/udp-flows.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH_MAX 65536 /* bytes of requests at once */

/* Of CTA_FILTER_ORIG_FLAGS; no header of the kernel's has it (net/netfilter/nf_internals.h). */
#define FILTER_PROTOCOL (1 << 3)

typedef struct Search {
        const Published *items;
        size_t n;
        bool published;
        LinkAddresses local;
        int delete_fd; /* not the one that the table is read from */
        NetlinkBatch found;
} Search;

/* One direction of a flow. */
typedef struct Way {
        IpAddress from, to;
        uint8_t protocol;
        uint16_t from_port, to_port;
} Way;

static bool has_udp(const Published *items, size_t n)
{
        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < items[i].n_ports; k++)
                        if (items[i].ports[k].protocol == IPPROTO_UDP)
                                return true;
        return false;
}

static int read_way(const NetlinkAttribute *tuple, int family, Way *ret)
{
        NetlinkAttribute parts[CTA_TUPLE_MAX + 1], ip[CTA_IP_MAX + 1], proto[CTA_PROTO_MAX + 1];
        bool v4 = family == AF_INET;
        int r = netlink_parse(tuple->data, tuple->size, parts, ELEMENTSOF(parts));

        if (r >= 0)
                r = netlink_parse(parts[CTA_TUPLE_IP].data, parts[CTA_TUPLE_IP].size, ip,
                                  ELEMENTSOF(ip));
        if (r >= 0)
                r = netlink_parse(parts[CTA_TUPLE_PROTO].data, parts[CTA_TUPLE_PROTO].size, proto,
                                  ELEMENTSOF(proto));
        if (r < 0)
                return r;
        *ret = (Way){
                .from = ip_address_read(&ip[v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC], family),
                .to = ip_address_read(&ip[v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST], family),
                .protocol = netlink_u8(&proto[CTA_PROTO_NUM], 0),
                .from_port = ntohs(netlink_u16(&proto[CTA_PROTO_SRC_PORT], 0)),
                .to_port = ntohs(netlink_u16(&proto[CTA_PROTO_DST_PORT], 0)),
        };
        return 0;
}

static bool is_local(const Search *s, const IpAddress *a)
{
        return (a->family == AF_INET && ntohl(a->v4.s_addr) >> 24 == IN_LOOPBACKNET) ||
               link_addresses_have(&s->local, a);
}

/* A flow to @there on the host, whose answers come by @back. */
static bool is_stale(const Search *s, const Published *p, const Way *there, const Way *back)
{
        for (size_t i = 0; i < p->n_ports; i++) {
                const PublishedPort *port = &p->ports[i];

                if (port->protocol != IPPROTO_UDP || there->to_port < port->first ||
                    there->to_port > port->last ||
                    (port->host.family != AF_UNSPEC && port->host.family != there->to.family) ||
                    (!published_address_is_any(&port->host) &&
                     !ip_address_equal(&port->host, &there->to)))
                        continue;
                return published_has_address(p, &back->from) != s->published;
        }
        return false;
}

static void delete_found(Search *s)
{
        (void)netlink_call(s->delete_fd, &s->found, NULL); /* one that has just ended is as good */
        netlink_batch_clear(&s->found);
}

static int on_flow(const NetlinkMessage *message, void *userdata)
{
        const struct nfgenmsg *header = message->fixed;
        const NetlinkAttribute *attributes = message->attributes;
        Search *s = userdata;
        Way there, back;
        bool stale = false;

        if (read_way(&attributes[CTA_TUPLE_ORIG], header->nfgen_family, &there) < 0 ||
            read_way(&attributes[CTA_TUPLE_REPLY], header->nfgen_family, &back) < 0 ||
            there.protocol != IPPROTO_UDP || !is_local(s, &there.to))
                return 0;
        for (size_t i = 0; i < s->n && !stale; i++)
                stale = is_stale(s, &s->items[i], &there, &back);
        if (!stale)
                return 0;
        netlink_begin(&s->found, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE, 0, header,
                      sizeof(*header));
        netlink_put(&s->found, CTA_TUPLE_ORIG | NLA_F_NESTED, attributes[CTA_TUPLE_ORIG].data,
                    attributes[CTA_TUPLE_ORIG].size);
        netlink_end(&s->found);
        if (s->found.bytes.size >= BATCH_MAX)
                delete_found(s);
        return 0;
}

static void on_restart(void *userdata)
{
        netlink_batch_clear(&((Search *)userdata)->found);
}

/* Of UDP alone, or hundreds of thousands of others came along; such a filter needs a family. */
static int find(int fd, int family, Search *s)
{
        const struct nfgenmsg header = { .nfgen_family = (uint8_t)family, .version = NFNETLINK_V0 };
        const NetlinkReader reader = { NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW,
                                       sizeof(header), on_flow, on_restart };
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;

        netlink_begin(&b, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, NLM_F_DUMP, &header,
                      sizeof(header));
        netlink_nest_begin(&b, CTA_TUPLE_ORIG);
        netlink_nest_begin(&b, CTA_TUPLE_PROTO);
        netlink_put_u8(&b, CTA_PROTO_NUM, IPPROTO_UDP);
        netlink_nest_end(&b);
        netlink_nest_end(&b);
        netlink_nest_begin(&b, CTA_FILTER);
        netlink_put_u32(&b, CTA_FILTER_ORIG_FLAGS, FILTER_PROTOCOL);
        netlink_put_u32(&b, CTA_FILTER_REPLY_FLAGS, 0);
        netlink_nest_end(&b);
        netlink_end(&b);
        return netlink_query(fd, &b, &reader, s, NULL);
}

void udp_flows_forget(const Published *items, size_t n, bool published)
{
        static const int families[] = { AF_INET, AF_INET6 };
        Search s = { .items = items, .n = n, .published = published, .delete_fd = -EBADF };
        _cleanup_close_ int route = -EBADF, fd = -EBADF;

        if (!has_udp(items, n))
                return;
        route = netlink_open(NETLINK_ROUTE);
        fd = netlink_open(NETLINK_NETFILTER);
        s.delete_fd = netlink_open(NETLINK_NETFILTER);
        if (route >= 0 && fd >= 0 && s.delete_fd >= 0 &&
            address_list(route, 0, AF_UNSPEC, &s.local) >= 0)
                for (size_t i = 0; i < ELEMENTSOF(families); i++)
                        if (find(fd, families[i], &s) >= 0)
                                delete_found(&s);
        netlink_batch_done(&s.found);
        link_addresses_done(&s.local);
        closep(&s.delete_fd);
}
