/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A growing buffer of whole netlink messages, to be sent at once by netlink_call(). Mistakes (no
 * memory, an attribute beyond 64 KiB) are sticky and come out of netlink_batch_error(), so that a
 * writer of twenty attributes checks once. */

#include "base/buffer.h"

#include <stdint.h>

#define NETLINK_NESTS_MAX 8

typedef struct NetlinkBatch {
        Buffer bytes;
        uint32_t n;       /* messages; the sequence number of the last one */
        uint32_t awaited; /* sequence number of the last one that was begun with NLM_F_ACK, or 0 */
        size_t message;   /* where the last one starts */
        size_t nests[NETLINK_NESTS_MAX]; /* where the open nested attributes start */
        unsigned depth;
        int error;
} NetlinkBatch;

#define NETLINK_BATCH_NULL ((NetlinkBatch){})
#define _cleanup_netlink_batch_ _cleanup_(netlink_batch_done)

void netlink_batch_done(NetlinkBatch *b);
/* Back to empty, keeping the memory. */
void netlink_batch_clear(NetlinkBatch *b);
/* The first mistake, or 0. */
int netlink_batch_error(const NetlinkBatch *b);

/* Begins a message: @type and @flags as in netlink(7), NLM_F_REQUEST is added; @header is the fixed
 * structure of its family. NLM_F_ACK is not needed: netlink_call() sets it where it must. */
void netlink_begin(NetlinkBatch *b, uint16_t type, uint16_t flags, const void *header, size_t size);
/* Every message is ended, also when something failed in between. */
void netlink_end(NetlinkBatch *b);

void netlink_put(NetlinkBatch *b, uint16_t type, const void *data, size_t size);
void netlink_put_u8(NetlinkBatch *b, uint16_t type, uint8_t value);
void netlink_put_u16(NetlinkBatch *b, uint16_t type, uint16_t value);
void netlink_put_u32(NetlinkBatch *b, uint16_t type, uint32_t value);
void netlink_put_u64(NetlinkBatch *b, uint16_t type, uint64_t value);
/* With its NUL byte. */
void netlink_put_string(NetlinkBatch *b, uint16_t type, const char *s);

/* What is put until netlink_nest_end() goes into this attribute. */
void netlink_nest_begin(NetlinkBatch *b, uint16_t type);
/* The same with a structure in front of the attributes inside, as VETH_INFO_PEER has one. */
void netlink_nest_begin_header(NetlinkBatch *b, uint16_t type, const void *header, size_t size);
void netlink_nest_end(NetlinkBatch *b);
