/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading netlink messages with every length checked. Knows the framing of linux/netlink.h and no
 * family. */

#include "os/netlink-attribute.h"

#include "base/cleanup.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* Lengths count no padding, and the last one may lack it. */
static void advance(const void **data, size_t *size, size_t length)
{
        size_t padded = MIN_OF((size_t)NLMSG_ALIGN(length), *size);

        *data = (const char *)*data + padded;
        *size -= padded;
}

int netlink_next(const void **data, size_t *size, const struct nlmsghdr **ret)
{
        const struct nlmsghdr *h = *data;

        if (*size == 0)
                return 0;
        if (*size < sizeof(*h) || h->nlmsg_len < sizeof(*h) || h->nlmsg_len > *size)
                return -EBADMSG;
        *ret = h;
        advance(data, size, h->nlmsg_len);
        return 1;
}

int netlink_message_parse(const struct nlmsghdr *header, size_t fixed_size, NetlinkMessage *ret)
{
        size_t start = NLMSG_HDRLEN + fixed_size, padded = NLMSG_ALIGN(start);

        memset(ret, 0, sizeof(*ret));
        if (header->nlmsg_len < start)
                return -EBADMSG;
        ret->header = header;
        ret->fixed = (const char *)header + NLMSG_HDRLEN;
        if (header->nlmsg_len <= padded)
                return 0;
        return netlink_parse((const char *)header + padded, header->nlmsg_len - padded,
                             ret->attributes, NETLINK_ATTRIBUTES_MAX);
}

int netlink_attribute_next(const void **data, size_t *size, uint16_t *ret_type,
                           NetlinkAttribute *ret)
{
        struct nlattr a;

        if (*size == 0)
                return 0;
        if (*size < sizeof(a))
                return -EBADMSG;
        memcpy(&a, *data, sizeof(a));
        if (a.nla_len < NLA_HDRLEN || a.nla_len > *size)
                return -EBADMSG;
        *ret_type = a.nla_type & NLA_TYPE_MASK;
        *ret = (NetlinkAttribute){ (const char *)*data + NLA_HDRLEN, a.nla_len - NLA_HDRLEN };
        advance(data, size, a.nla_len);
        return 1;
}

int netlink_parse(const void *data, size_t size, NetlinkAttribute *table, size_t n)
{
        NetlinkAttribute a;
        uint16_t type;
        int r;

        memset(table, 0, n * sizeof(*table));
        while ((r = netlink_attribute_next(&data, &size, &type, &a)) > 0)
                if (type < n)
                        table[type] = a;
        return r;
}

/* How far the words of the kernel are behind the header: an error may hold the request again. */
static size_t words_offset(const struct nlmsghdr *header)
{
        const struct nlmsgerr *e = (const void *)((const char *)header + NLMSG_HDRLEN);
        size_t offset = NLMSG_HDRLEN + sizeof(int);

        if (header->nlmsg_type != NLMSG_ERROR)
                return offset;
        offset = NLMSG_HDRLEN + sizeof(*e);
        if (!(header->nlmsg_flags & NLM_F_CAPPED) && e->msg.nlmsg_len > NLMSG_HDRLEN)
                offset += NLMSG_ALIGN((size_t)e->msg.nlmsg_len - NLMSG_HDRLEN);
        return offset;
}

int netlink_error_parse(const struct nlmsghdr *header, int *ret, char *text, size_t size)
{
        NetlinkAttribute words[NLMSGERR_ATTR_MSG + 1];
        bool is_error = header->nlmsg_type == NLMSG_ERROR;
        const char *message;
        size_t offset;

        assert(size > 0);
        text[0] = '\0';
        if ((!is_error && header->nlmsg_type != NLMSG_DONE) ||
            header->nlmsg_len < NLMSG_HDRLEN + (is_error ? sizeof(struct nlmsgerr) : sizeof(int)))
                return -EBADMSG;
        memcpy(ret, (const char *)header + NLMSG_HDRLEN, sizeof(*ret));
        if (*ret > 0 || *ret < -4095) /* MAX_ERRNO of the kernel */
                return -EBADMSG;
        offset = words_offset(header);
        if (!(header->nlmsg_flags & NLM_F_ACK_TLVS) || offset >= header->nlmsg_len)
                return 0;
        /* the words are a courtesy: an error without them is still one */
        if (netlink_parse((const char *)header + offset, header->nlmsg_len - offset, words,
                          ELEMENTSOF(words)) < 0)
                return 0;
        message = netlink_string(&words[NLMSGERR_ATTR_MSG]);
        if (message)
                (void)snprintf(text, size, "%s", message);
        return 0;
}

static bool has_size(const NetlinkAttribute *a, size_t size)
{
        return a->data && a->size == size;
}

uint8_t netlink_u8(const NetlinkAttribute *a, uint8_t otherwise)
{
        if (has_size(a, sizeof(otherwise)))
                memcpy(&otherwise, a->data, sizeof(otherwise));
        return otherwise;
}

uint16_t netlink_u16(const NetlinkAttribute *a, uint16_t otherwise)
{
        if (has_size(a, sizeof(otherwise)))
                memcpy(&otherwise, a->data, sizeof(otherwise));
        return otherwise;
}

uint32_t netlink_u32(const NetlinkAttribute *a, uint32_t otherwise)
{
        if (has_size(a, sizeof(otherwise)))
                memcpy(&otherwise, a->data, sizeof(otherwise));
        return otherwise;
}

const char *netlink_string(const NetlinkAttribute *a)
{
        return a->data && memchr(a->data, '\0', a->size) ? a->data : NULL;
}

void netlink_copy(const NetlinkAttribute *a, void *ret, size_t size)
{
        memset(ret, 0, size);
        if (a->data)
                memcpy(ret, a->data, MIN_OF(a->size, size));
}
