/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two netlink sockets of one namespace: the kernel's news would get between question and answer. */

#include "network/address-watch.h"

#include "base/cleanup.h"
#include "os/link-list.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

#define GROUPS (RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR)
#define DRAIN_SIZE 8192
#define DRAIN_MAX 64 /* root of the machine may write to the socket, and is not read for ever */

/* Of this link only: on a host with hundreds of machines nobody wakes up for the others' links. */
static int filter_link(int fd, int index)
{
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                         NLMSG_HDRLEN + offsetof(struct ifaddrmsg, ifa_index)),
                /* the program reads in network order what the kernel wrote in the host's */
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl((uint32_t)index), 0, 1),
                BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
                BPF_STMT(BPF_RET | BPF_K, 0),
        };
        const struct sock_fprog program = { .len = ELEMENTSOF(code), .filter = code };

        return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno
                                                                                           : 0;
}

static int open_here(const char *name, AddressWatch *ret)
{
        _cleanup_close_ int fd =
                socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
        struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = GROUPS };
        _cleanup_close_ int query_fd = netlink_open(NETLINK_ROUTE);
        _cleanup_link_ Link link = LINK_NULL;
        int r;

        if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                return -errno;
        if (query_fd < 0)
                return query_fd;
        r = link_find(query_fd, LINK_BY_NAME(name), &link);
        if (r >= 0)
                r = filter_link(fd, link.index);
        if (r < 0)
                return r;
        *ret = (AddressWatch){ .fd = TAKE_FD(fd),
                               .query_fd = TAKE_FD(query_fd),
                               .index = link.index };
        return 0;
}

int address_watch_open(int netns_fd, int home_fd, const char *link, AddressWatch *ret)
{
        int r;

        if (netns_fd < 0)
                return open_here(link, ret);
        if (setns(netns_fd, CLONE_NEWNET) < 0)
                return -errno;
        r = open_here(link, ret);
        return setns(home_fd, CLONE_NEWNET) < 0 ? -ENOTRECOVERABLE : r;
}

void address_watch_done(AddressWatch *watch)
{
        closep(&watch->fd);
        closep(&watch->query_fd);
        *watch = ADDRESS_WATCH_NULL;
}

/* What was said does not matter, nor who said it: the question after it is the kernel's to answer.
 */
bool address_watch_drain(AddressWatch *watch)
{
        char buffer[DRAIN_SIZE];
        bool any = false;

        for (unsigned i = 0; i < DRAIN_MAX; i++) {
                ssize_t n = recv(watch->fd, buffer, sizeof(buffer), MSG_TRUNC);

                if (n < 0 && errno != EINTR && errno != ENOBUFS)
                        return any;
                any = any || n >= 0 || errno == ENOBUFS;
        }
        return any;
}

/* Not sure yet, or soon to be replaced: temporary ones of IPv6 (RFC 8981), whose flag means
 * something else in IPv4. */
static bool is_passing(const LinkAddress *a)
{
        uint32_t flags = IFA_F_TENTATIVE | IFA_F_DADFAILED;

        if (a->address.family == AF_INET6)
                flags |= IFA_F_TEMPORARY;
        return a->flags & flags;
}

int address_watch_list(const AddressWatch *watch, LinkAddresses *ret)
{
        LinkAddresses list = LINK_ADDRESSES_NULL;
        int r = address_list(watch->query_fd, watch->index, AF_UNSPEC, &list);
        size_t n = 0;

        if (r < 0)
                return r;
        for (size_t i = 0; i < list.n; i++) {
                const LinkAddress *a = &list.items[i];

                if (a->scope < RT_SCOPE_LINK && !is_passing(a))
                        list.items[n++] = *a;
        }
        list.n = n;
        *ret = list;
        return 0;
}
