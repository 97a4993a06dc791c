/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Talking to the kernel over a netlink socket. The socket stays in the network namespace in which
 * it was opened, wherever its descriptor is passed; descriptors named in messages are the caller's.
 * The kernel answers before send() returns, so nothing here ever waits. */

#include "os/netlink-attribute.h"
#include "os/netlink-batch.h"

#define NETLINK_TEXT_MAX 160

/* Which message of a batch failed first, counted from 0, and the kernel's words for it, or "". */
typedef struct NetlinkFailure {
        uint32_t index;
        char text[NETLINK_TEXT_MAX];
} NetlinkFailure;

/* What the answers to a query are. */
typedef struct NetlinkReader {
        uint16_t type;     /* RTM_NEWLINK, say; others are left out */
        size_t fixed_size; /* of the family's structure */
        /* Called for each; a negative return ends the query with it. */
        int (*on_message)(const NetlinkMessage *message, void *userdata);
        /* Forget everything: the tables changed while they were read, they come once more. */
        void (*on_restart)(void *userdata);
} NetlinkReader;

/* A socket of NETLINK_ROUTE, NETLINK_NETFILTER or NETLINK_SOCK_DIAG in our network namespace. */
int netlink_open(int protocol);
/* Sends all messages in one send() and reads every answer: 0, or the first failure. The messages
 * after a failed one were carried out nevertheless (but for nf_tables, where all fail together).
 * -EMSGSIZE: more than the socket takes at once, about 200 KiB. -EPROTO: another program floods the
 * socket. @ret_failure may be NULL; it is filled on failure only. */
int netlink_call(int fd, NetlinkBatch *b, NetlinkFailure *ret_failure);
/* Sends the one request of @b (NLM_F_DUMP among its flags for a table) and reads the answers.
 * -EAGAIN if the tables changed each of eight times while they were read. */
int netlink_query(int fd, NetlinkBatch *b, const NetlinkReader *reader, void *userdata,
                  NetlinkFailure *ret_failure);
