/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* News of addresses: a link that packets come in by nearly always has one, and one of its own says
 * less often that nothing has changed than a table of routes does. */

#include "network/uplink-watch.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#define GROUPS (RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR)
#define DRAIN_SIZE 8192
#define CODE_MAX 24

#define BODY NLMSG_HDRLEN
/* IFA_ADDRESS is the first attribute, unless the link has another end: then it is no machine's */
#define FIRST_ADDRESS (NLMSG_SPACE(sizeof(struct ifaddrmsg)) + NLA_HDRLEN)

typedef struct Program {
        struct sock_filter code[CODE_MAX];
        unsigned short n;
} Program;

static void put(Program *p, uint16_t operation, uint32_t k, uint8_t then, uint8_t otherwise)
{
        p->code[p->n++] = (struct sock_filter){ operation, then, otherwise, k };
}

/* Nothing, if what stands at @offset is not @value. */
static void must_be(Program *p, uint16_t size, uint32_t offset, uint32_t value)
{
        put(p, BPF_LD | size | BPF_ABS, offset, 0, 0);
        put(p, BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0);
        put(p, BPF_RET | BPF_K, 0, 0, 0);
}

/* Nothing, if all of @own stands where the address does. */
static void must_differ(Program *p, const IpAddress *own)
{
        uint8_t words = (uint8_t)(ip_address_size(own->family) / 4);

        if (words == 0)
                return;
        put(p, BPF_LD | BPF_B | BPF_ABS, BODY + offsetof(struct ifaddrmsg, ifa_family), 0, 0);
        put(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)own->family, 0, (uint8_t)(2 * words + 1));
        for (uint8_t i = 0; i < words; i++) {
                uint32_t word;

                memcpy(&word, own->bytes + 4 * i, sizeof(word));
                put(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)(FIRST_ADDRESS + 4 * i), 0, 0);
                /* behind the end */
                put(p, BPF_JMP | BPF_JEQ | BPF_K, ntohl(word), 0,
                    (uint8_t)(2 * (words - i - 1) + 1));
        }
        put(p, BPF_RET | BPF_K, 0, 0, 0);
}

static int attach(int fd, const IpAddress *own4, const IpAddress *own6)
{
        Program p = {};
        struct sock_fprog program = { .filter = p.code };

        /* the program reads in network order what the kernel wrote in the host's */
        must_be(&p, BPF_H, offsetof(struct nlmsghdr, nlmsg_type), htons(RTM_NEWADDR));
        must_be(&p, BPF_B, BODY + offsetof(struct ifaddrmsg, ifa_scope), RT_SCOPE_UNIVERSE);
        must_differ(&p, own4);
        must_differ(&p, own6);
        put(&p, BPF_RET | BPF_K, UINT32_MAX, 0, 0);
        program.len = p.n;
        return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno
                                                                                           : 0;
}

int uplink_watch_open(const IpAddress *own4, const IpAddress *own6)
{
        _cleanup_close_ int fd =
                socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
        struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = GROUPS };
        int r;

        if (fd < 0)
                return -errno;
        r = attach(fd, own4, own6);
        if (r < 0)
                return r;
        return bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno
                                                                                : TAKE_FD(fd);
}

void uplink_watch_drain(int fd)
{
        char buffer[DRAIN_SIZE];

        while (recv(fd, buffer, sizeof(buffer), MSG_TRUNC) >= 0 || errno == EINTR ||
               errno == ENOBUFS)
                ;
}
