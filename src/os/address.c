/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* RTM_NEWADDR, RTM_DELADDR and RTM_GETADDR. */

#include "os/address.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>

size_t ip_address_size(int family)
{
        if (family == AF_INET)
                return sizeof(struct in_addr);
        return family == AF_INET6 ? sizeof(struct in6_addr) : 0;
}

bool ip_address_equal(const IpAddress *a, const IpAddress *b)
{
        return a->family == b->family &&
               memcmp(a->bytes, b->bytes, ip_address_size(a->family)) == 0;
}

IpAddress ip_address_read(const NetlinkAttribute *a, int family)
{
        IpAddress address = { .family = family };

        if (!a->data || a->size == 0 || a->size != ip_address_size(family))
                return (IpAddress){};
        netlink_copy(a, address.bytes, sizeof(address.bytes));
        return address;
}

void link_addresses_done(LinkAddresses *list)
{
        free(list->items);
        *list = LINK_ADDRESSES_NULL;
}

bool link_addresses_have(const LinkAddresses *list, const IpAddress *a)
{
        for (size_t i = 0; i < list->n; i++)
                if (ip_address_equal(&list->items[i].address, a))
                        return true;
        return false;
}

static void append(NetlinkBatch *b, uint16_t type, uint16_t flags, const LinkAddress *a)
{
        const IpAddress *far = a->peer.family == AF_UNSPEC ? &a->address : &a->peer;
        size_t size = ip_address_size(a->address.family);
        struct ifaddrmsg header = {
                .ifa_family = (uint8_t)a->address.family,
                .ifa_prefixlen = a->prefix,
                .ifa_scope = a->scope,
                .ifa_index = (uint32_t)a->index,
        };

        netlink_begin(b, type, flags, &header, sizeof(header));
        netlink_put(b, IFA_LOCAL, a->address.bytes, size);
        netlink_put(b, IFA_ADDRESS, far->bytes, size);
        if (type == RTM_NEWADDR && a->flags != 0)
                netlink_put_u32(b, IFA_FLAGS, a->flags);
        if (type == RTM_NEWADDR && a->valid_sec > 0) {
                struct ifa_cacheinfo life = { .ifa_prefered = a->valid_sec,
                                              .ifa_valid = a->valid_sec };

                netlink_put(b, IFA_CACHEINFO, &life, sizeof(life));
        }
        netlink_end(b);
}

void address_add(NetlinkBatch *b, const LinkAddress *address, bool replace)
{
        append(b, RTM_NEWADDR, NLM_F_CREATE | (replace ? NLM_F_REPLACE : NLM_F_EXCL), address);
}

void address_delete(NetlinkBatch *b, const LinkAddress *address)
{
        append(b, RTM_DELADDR, 0, address);
}

/* The list with what it is filtered by, where the kernel does not (before 4.20). */
typedef struct AddressQuery {
        LinkAddresses list;
        int index, family;
} AddressQuery;

static int on_address(const NetlinkMessage *message, void *userdata)
{
        AddressQuery *query = userdata;
        const struct ifaddrmsg *header = message->fixed;
        const NetlinkAttribute *a = message->attributes;
        LinkAddress found = {
                .index = (int)header->ifa_index,
                .address = ip_address_read(&a[IFA_LOCAL], header->ifa_family),
                .peer = ip_address_read(&a[IFA_ADDRESS], header->ifa_family),
                .prefix = header->ifa_prefixlen,
                .scope = header->ifa_scope,
                .flags = netlink_u32(&a[IFA_FLAGS], header->ifa_flags),
        };
        LinkAddress *grown;

        /* IFA_ADDRESS is the address itself where there is no peer; v6 then has no IFA_LOCAL */
        if (found.address.family == AF_UNSPEC)
                found.address = found.peer;
        if (memcmp(&found.address, &found.peer, sizeof(found.peer)) == 0)
                found.peer = (IpAddress){};
        if (found.address.family == AF_UNSPEC ||
            (query->index > 0 && found.index != query->index) ||
            (query->family != AF_UNSPEC && found.address.family != query->family))
                return 0;
        grown = reallocarray(query->list.items, query->list.n + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        query->list.items = grown;
        query->list.items[query->list.n++] = found;
        return 0;
}

static void on_restart(void *userdata)
{
        AddressQuery *query = userdata;

        link_addresses_done(&query->list);
}

static const NetlinkReader address_reader = {
        .type = RTM_NEWADDR,
        .fixed_size = sizeof(struct ifaddrmsg),
        .on_message = on_address,
        .on_restart = on_restart,
};

int address_list(int fd, int index, int family, LinkAddresses *ret)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        AddressQuery query = { .index = index, .family = family };
        struct ifaddrmsg header = {
                .ifa_family = (uint8_t)family,
                .ifa_index = (uint32_t)index,
        };
        int r;

        netlink_begin(&b, RTM_GETADDR, NLM_F_DUMP, &header, sizeof(header));
        netlink_end(&b);
        r = netlink_query(fd, &b, &address_reader, &query, NULL);
        if (r < 0)
                link_addresses_done(&query.list);
        else
                *ret = query.list;
        return r;
}
