/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writing netlink messages. Our own, since the launcher is linked statically and libmnl has no
 * static archive in Debian. Knows the framing of linux/netlink.h and no family. */

#include "os/netlink-batch.h"

#include <assert.h>
#include <errno.h>
#include <linux/netlink.h>
#include <string.h>

void netlink_batch_done(NetlinkBatch *b)
{
        buffer_done(&b->bytes);
        *b = NETLINK_BATCH_NULL;
}

void netlink_batch_clear(NetlinkBatch *b)
{
        Buffer bytes = b->bytes;

        bytes.size = 0;
        bytes.failed = false;
        *b = (NetlinkBatch){ .bytes = bytes };
}

int netlink_batch_error(const NetlinkBatch *b)
{
        return b->error < 0 ? b->error : buffer_error(&b->bytes);
}

static void append_padded(NetlinkBatch *b, const void *data, size_t size)
{
        static const char zeros[NLMSG_ALIGNTO];

        buffer_append(&b->bytes, data, size);
        buffer_append(&b->bytes, zeros, NLMSG_ALIGN(size) - size);
}

void netlink_begin(NetlinkBatch *b, uint16_t type, uint16_t flags, const void *header, size_t size)
{
        struct nlmsghdr h = {
                .nlmsg_type = type,
                .nlmsg_flags = flags | NLM_F_REQUEST,
                .nlmsg_seq = ++b->n,
        };

        assert(b->depth == 0);
        if (flags & NLM_F_ACK)
                b->awaited = b->n;
        b->message = b->bytes.size;
        append_padded(b, &h, sizeof(h));
        append_padded(b, header, size);
}

void netlink_end(NetlinkBatch *b)
{
        struct nlmsghdr *h;

        assert(b->n > 0 && b->depth == 0);
        if (netlink_batch_error(b) < 0)
                return;
        h = (void *)(b->bytes.data + b->message);
        if (b->bytes.size - b->message > UINT32_MAX)
                b->error = -EMSGSIZE;
        else
                h->nlmsg_len = (uint32_t)(b->bytes.size - b->message);
}

void netlink_put(NetlinkBatch *b, uint16_t type, const void *data, size_t size)
{
        struct nlattr a = { .nla_type = type };

        if (size > UINT16_MAX - NLA_HDRLEN) {
                b->error = -EMSGSIZE;
                return;
        }
        a.nla_len = (uint16_t)(NLA_HDRLEN + size);
        append_padded(b, &a, sizeof(a));
        append_padded(b, data, size);
}

void netlink_put_u8(NetlinkBatch *b, uint16_t type, uint8_t value)
{
        netlink_put(b, type, &value, sizeof(value));
}

void netlink_put_u16(NetlinkBatch *b, uint16_t type, uint16_t value)
{
        netlink_put(b, type, &value, sizeof(value));
}

void netlink_put_u32(NetlinkBatch *b, uint16_t type, uint32_t value)
{
        netlink_put(b, type, &value, sizeof(value));
}

void netlink_put_u64(NetlinkBatch *b, uint16_t type, uint64_t value)
{
        netlink_put(b, type, &value, sizeof(value));
}

void netlink_put_string(NetlinkBatch *b, uint16_t type, const char *s)
{
        netlink_put(b, type, s, strlen(s) + 1);
}

void netlink_nest_begin(NetlinkBatch *b, uint16_t type)
{
        netlink_nest_begin_header(b, type, NULL, 0);
}

void netlink_nest_begin_header(NetlinkBatch *b, uint16_t type, const void *header, size_t size)
{
        assert(b->depth < NETLINK_NESTS_MAX);
        b->nests[b->depth++] = b->bytes.size;
        netlink_put(b, type | NLA_F_NESTED, header, size);
}

void netlink_nest_end(NetlinkBatch *b)
{
        size_t start, size;
        struct nlattr *a;

        assert(b->depth > 0);
        start = b->nests[--b->depth];
        if (netlink_batch_error(b) < 0)
                return;
        size = b->bytes.size - start;
        a = (void *)(b->bytes.data + start);
        if (size > UINT16_MAX)
                b->error = -EMSGSIZE;
        else
                a->nla_len = (uint16_t)size;
}
