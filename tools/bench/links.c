/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * links: the least that a link between two network namespaces takes in the kernel: a veth pair with
 * both ends up, an address on each, a route at ours and a default route at the other. One batch of
 * netlink messages for each namespace, as a machine's link is made. Prints nanoseconds, one line a
 * round: until all is there, and for the removal.
 *
 *   links ROUNDS PATH-OF-THE-OTHER-NAMESPACE
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef struct Batch {
        _Alignas(struct nlmsghdr) char bytes[2048];
        size_t size, message;
} Batch;

_Noreturn static void die(const char *what)
{
        fprintf(stderr, "links: %s: %s\n", what, strerror(errno));
        exit(EXIT_FAILURE);
}

static size_t put(Batch *b, uint16_t type, const void *data, size_t size)
{
        struct rtattr a = { .rta_len = (uint16_t)RTA_LENGTH(size), .rta_type = type };
        size_t at = b->size;

        memcpy(b->bytes + at, &a, sizeof(a));
        if (size > 0)
                memcpy(b->bytes + at + sizeof(a), data, size);
        b->size += RTA_SPACE(size);
        return at;
}

static void end_nest(Batch *b, size_t at)
{
        ((struct rtattr *)(void *)(b->bytes + at))->rta_len = (uint16_t)(b->size - at);
}

static void begin(Batch *b, uint16_t type, uint16_t flags, const void *header, size_t size)
{
        struct nlmsghdr h = { .nlmsg_type = type, .nlmsg_flags = flags | NLM_F_REQUEST };

        b->message = b->size;
        memcpy(b->bytes + b->size, &h, sizeof(h));
        memcpy(b->bytes + b->size + sizeof(h), header, size);
        b->size += NLMSG_SPACE(size);
}

static void end(Batch *b)
{
        ((struct nlmsghdr *)(void *)(b->bytes + b->message))->nlmsg_len =
                (uint32_t)(b->size - b->message);
}

/* The last message is acknowledged; a failure of any is answered before. */
static void call(int fd, Batch *b)
{
        struct nlmsghdr *last = (void *)(b->bytes + b->message);
        _Alignas(struct nlmsghdr) char answer[4096];

        last->nlmsg_flags |= NLM_F_ACK;
        if (send(fd, b->bytes, b->size, 0) < 0 || recv(fd, answer, sizeof(answer), 0) < 0)
                die("netlink");
        errno = -((struct nlmsgerr *)NLMSG_DATA((void *)answer))->error;
        if (errno != 0)
                die("the kernel's answer");
        *b = (Batch){ .size = 0 };
}

static void add_pair(Batch *b, int netns)
{
        struct ifinfomsg own = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP }, peer = { 0 };
        size_t info, data, end_of_peer;

        begin(b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &own, sizeof(own));
        (void)put(b, IFLA_IFNAME, "links0", 7);
        info = put(b, IFLA_LINKINFO, NULL, 0);
        (void)put(b, IFLA_INFO_KIND, "veth", 4);
        data = put(b, IFLA_INFO_DATA, NULL, 0);
        end_of_peer = put(b, VETH_INFO_PEER, &peer, sizeof(peer));
        (void)put(b, IFLA_IFNAME, "links1", 7);
        (void)put(b, IFLA_NET_NS_FD, &netns, sizeof(netns));
        end_nest(b, end_of_peer);
        end_nest(b, data);
        end_nest(b, info);
        end(b);
}

static void change_link(Batch *b, uint16_t type, unsigned index)
{
        struct ifinfomsg h = { .ifi_index = (int)index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };

        begin(b, type, 0, &h, sizeof(h));
        end(b);
}

static void add_address(Batch *b, unsigned index, const char *text)
{
        struct ifaddrmsg h = { .ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_index = index };
        struct in_addr a = { .s_addr = inet_addr(text) };

        begin(b, RTM_NEWADDR, NLM_F_CREATE, &h, sizeof(h));
        (void)put(b, IFA_LOCAL, &a, sizeof(a));
        end(b);
}

static void add_route(Batch *b, unsigned index, const char *to, uint8_t bits)
{
        struct rtmsg h = { .rtm_family = AF_INET,
                           .rtm_dst_len = bits,
                           .rtm_table = RT_TABLE_MAIN,
                           .rtm_protocol = RTPROT_STATIC,
                           .rtm_scope = RT_SCOPE_LINK,
                           .rtm_type = RTN_UNICAST };
        struct in_addr a = { .s_addr = inet_addr(to) };

        begin(b, RTM_NEWROUTE, NLM_F_CREATE, &h, sizeof(h));
        if (bits > 0)
                (void)put(b, RTA_DST, &a, sizeof(a));
        (void)put(b, RTA_OIF, &index, sizeof(index));
        end(b);
}

static uint64_t now(void)
{
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static unsigned index_of(int socket_fd, const char *name)
{
        struct ifreq r = { 0 };

        memcpy(r.ifr_name, name, strlen(name));
        if (ioctl(socket_fd, SIOCGIFINDEX, &r) < 0)
                die(name);
        return (unsigned)r.ifr_ifindex;
}

/* Sockets stay in the namespace where they were opened. */
static int open_there(int netns, int own, int family, int type, int protocol)
{
        int fd;

        if (setns(netns, CLONE_NEWNET) < 0)
                die("setns");
        fd = socket(family, type, protocol);
        if (fd < 0 || setns(own, CLONE_NEWNET) < 0)
                die("socket");
        return fd;
}

int main(int argc, char **argv)
{
        int own = open("/proc/self/ns/net", O_RDONLY), netns = open(argc == 3 ? argv[2] : "", 0);
        int here, there, ask_here, ask_there;
        Batch b = { .size = 0 };

        if (own < 0 || netns < 0)
                die("usage: links ROUNDS NAMESPACE");
        here = open_there(own, own, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
        there = open_there(netns, own, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
        ask_here = open_there(own, own, AF_INET, SOCK_DGRAM, 0);
        ask_there = open_there(netns, own, AF_INET, SOCK_DGRAM, 0);
        for (long i = 0; i < atol(argv[1]); i++) {
                uint64_t start = now(), made;
                unsigned index;

                add_pair(&b, netns);
                call(here, &b);
                index = index_of(ask_there, "links1");
                change_link(&b, RTM_NEWLINK, index);
                add_address(&b, index, "198.51.100.2");
                add_route(&b, index, "0.0.0.0", 0);
                call(there, &b);
                index = index_of(ask_here, "links0");
                add_address(&b, index, "198.51.100.1");
                add_route(&b, index, "198.51.100.2", 32);
                call(here, &b);
                made = now();
                change_link(&b, RTM_DELLINK, index);
                call(here, &b);
                printf("%llu %llu\n", (unsigned long long)(made - start),
                       (unsigned long long)(now() - made));
        }
        return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
