/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Reading netlink messages and their attributes out of bytes that are not trusted: another program
 * or a kernel newer than us wrote them. Nothing is copied; everything points into the bytes. */

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NETLINK_ATTRIBUTES_MAX 128 /* more than any family that we read has (IFLA_MAX is 68) */

typedef struct NetlinkAttribute {
        const void *data; /* NULL: the attribute is not there; not aligned for 64-bit values */
        size_t size;
} NetlinkAttribute;

typedef struct NetlinkMessage {
        const struct nlmsghdr *header;
        const void *fixed;                                   /* the fixed structure of the family */
        NetlinkAttribute attributes[NETLINK_ATTRIBUTES_MAX]; /* by type */
} NetlinkMessage;

/* The next message of @data, which moves on; @data is aligned to 4. 1, 0 at the end, -EBADMSG. */
int netlink_next(const void **data, size_t *size, const struct nlmsghdr **ret);
/* Fixed structure of @fixed_size bytes and attributes of a message. -EBADMSG if it is shorter. */
int netlink_message_parse(const struct nlmsghdr *header, size_t fixed_size, NetlinkMessage *ret);
/* Attributes into @table by type, the last of a type wins; types from @n on are left out, since
 * newer kernels have more. -EBADMSG if a length is wrong. */
int netlink_parse(const void *data, size_t size, NetlinkAttribute *table, size_t n);
/* One by one, for lists that hold a type more than once. 1, 0 at the end, -EBADMSG. */
int netlink_attribute_next(const void **data, size_t *size, uint16_t *ret_type,
                           NetlinkAttribute *ret);
/* The answer of NLMSG_ERROR or NLMSG_DONE: 0 or -errno in *ret, and what the kernel adds in words,
 * cut to @size ("" if nothing). -EBADMSG if it is none. */
int netlink_error_parse(const struct nlmsghdr *header, int *ret, char *text, size_t size);

/* The value, or @otherwise if the attribute is missing or has another size. */
uint8_t netlink_u8(const NetlinkAttribute *a, uint8_t otherwise);
uint16_t netlink_u16(const NetlinkAttribute *a, uint16_t otherwise);
uint32_t netlink_u32(const NetlinkAttribute *a, uint32_t otherwise);
/* The text, or NULL if the attribute is missing or has no end. */
const char *netlink_string(const NetlinkAttribute *a);
/* Copies up to @size bytes into @ret and leaves the rest of it zero: structures grow over the
 * years. */
void netlink_copy(const NetlinkAttribute *a, void *ret, size_t size);
