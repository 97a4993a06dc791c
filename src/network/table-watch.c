/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Watches the changes that anybody makes to nftables. */

#include "network/table-watch.h"

#include "base/cleanup.h"
#include "network/table-check.h"
#include "network/table-text.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

int table_watch_open(TableWatch *ret)
{
        _cleanup_close_ int fd =
                socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
        /* bound: without an address of its own it would pass for the kernel's, and be skipped */
        struct sockaddr_nl address = { .nl_family = AF_NETLINK,
                                       .nl_groups = 1U << (NFNLGRP_NFTABLES - 1) };
        int check_fd;

        if (fd < 0)
                return errno == EPROTONOSUPPORT ? -EOPNOTSUPP : -errno;
        if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                return -errno;
        check_fd = table_check_open();
        if (check_fd < 0)
                return check_fd;
        *ret = (TableWatch){ .fd = TAKE_FD(fd), .check_fd = check_fd };
        return 0;
}

void table_watch_done(TableWatch *watch)
{
        closep(&watch->fd);
        closep(&watch->check_fd);
        *watch = TABLE_WATCH_NULL;
}

/* In each of these messages the name of the table is the first attribute. What is added by others
 * does no harm to what is there. */
static bool is_loss(const struct nlmsghdr *h)
{
        size_t start = NLMSG_LENGTH(sizeof(struct nfgenmsg));
        int type = h->nlmsg_type & 0xff;
        struct nlattr a;

        if (h->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES || h->nlmsg_len < start + sizeof(a))
                return false;
        if (type != NFT_MSG_DELTABLE && type != NFT_MSG_DELCHAIN && type != NFT_MSG_DELRULE &&
            type != NFT_MSG_DELSET)
                return false;
        memcpy(&a, (const char *)h + start, sizeof(a));
        return a.nla_len == NLA_HDRLEN + sizeof(TABLE_NAME) && h->nlmsg_len >= start + a.nla_len &&
               memcmp((const char *)h + start + NLA_HDRLEN, TABLE_NAME, sizeof(TABLE_NAME)) == 0;
}

static bool has_loss(const char *messages, size_t size)
{
        size_t at = 0;

        while (at < size) {
                const struct nlmsghdr *h = (const void *)(messages + at);

                if (!NLMSG_OK(h, size - at))
                        return false;
                if (is_loss(h))
                        return true;
                at += NLMSG_ALIGN(h->nlmsg_len);
        }
        return false;
}

int table_watch_drain(TableWatch *watch)
{
        _Alignas(struct nlmsghdr) char messages[32768];
        bool loss = false;
        int r;

        for (;;) {
                ssize_t n = recv(watch->fd, messages, sizeof(messages), MSG_DONTWAIT | MSG_TRUNC);

                if (n < 0 && errno == EAGAIN)
                        break;
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno != ENOBUFS)
                        return -errno;
                if (n < 0 || (size_t)n > sizeof(messages))
                        loss = true;
                else
                        loss = loss || has_loss(messages, (size_t)n);
        }
        if (!loss)
                return 0;
        r = table_is_sound(watch->check_fd);
        return r < 0 ? r : r == 0;
}
