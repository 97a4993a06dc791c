/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Uplinks, from the addresses and the routes of the calling thread's network namespace. Must not
 * know what they are wanted for. */

#include "network/uplink.h"

#include "base/strv.h"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define DUMP_BUFFER 32768 /* what the kernel fills at most at once, see netlink(7) */

typedef struct UplinkSearch {
        int family;
        char *const *ours;
        char **names;
        unsigned *seen; /* links that are decided about: a route each would ask a million times */
        size_t n_seen;
} UplinkSearch;

static int add_name(UplinkSearch *s, const char *name)
{
        static const char *const prefixes[] = { "ve-", "vb-", "vz-" };

        if (strcmp(name, "lo") == 0 || strv_contains(s->ours, name) ||
            strv_contains(s->names, name))
                return 0;
        for (size_t i = 0; i < ELEMENTSOF(prefixes); i++)
                if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
                        return 0;
        return strv_push(&s->names, name);
}

static bool address_is_global(int family, const void *address)
{
        if (family == AF_INET) {
                in_addr_t a = ntohl(*(const in_addr_t *)address);

                /* 127.0.0.0/8, and 169.254.0.0/16 (RFC 3927) */
                return (a >> 24) != IN_LOOPBACKNET && (a >> 16) != 0xa9fe;
        }
        return !IN6_IS_ADDR_LINKLOCAL((const struct in6_addr *)address) &&
               !IN6_IS_ADDR_LOOPBACK((const struct in6_addr *)address) &&
               !IN6_IS_ADDR_MULTICAST((const struct in6_addr *)address);
}

static int add_index(UplinkSearch *s, unsigned index)
{
        char name[IF_NAMESIZE];
        unsigned *grown;

        for (size_t i = 0; i < s->n_seen; i++)
                if (s->seen[i] == index)
                        return 0;
        grown = reallocarray(s->seen, s->n_seen + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        s->seen = grown;
        s->seen[s->n_seen++] = index;
        /* gone meanwhile is as good as not there */
        return if_indextoname(index, name) ? add_name(s, name) : 0;
}

/* The headers' own macros for this step from char * to what wants to be aligned, and is. */
static void *after(void *start, size_t size)
{
        return (char *)start + size;
}

static int add_next_hops(UplinkSearch *s, struct rtattr *multipath)
{
        struct rtnexthop *hop = RTA_DATA(multipath);
        int size = (int)RTA_PAYLOAD(multipath), r = 0;

        while (r >= 0 && RTNH_OK(hop, size)) {
                r = add_index(s, (unsigned)hop->rtnh_ifindex);
                size -= NLMSG_ALIGN(hop->rtnh_len);
                hop = after(hop, RTNH_ALIGN(hop->rtnh_len));
        }
        return r;
}

/* Whether a route says that there is more behind the link than its neighbours. IPv4 tells by the
 * scope; IPv6 calls everything global, also fe80::/64. */
static bool route_leads_on(const struct rtmsg *route, struct rtattr *const *attributes)
{
        if (route->rtm_type != RTN_UNICAST)
                return false;
        if (route->rtm_family == AF_INET)
                return route->rtm_scope < RT_SCOPE_LINK;
        return !attributes[RTA_DST] || route->rtm_dst_len == 0 ||
               address_is_global(AF_INET6, RTA_DATA(attributes[RTA_DST]));
}

static void read_attributes(struct rtattr *a, int size, struct rtattr **ret, unsigned short highest)
{
        for (; RTA_OK(a, size); a = after(a, RTA_ALIGN(a->rta_len))) {
                if (a->rta_type <= highest)
                        ret[a->rta_type] = a;
                size -= (int)RTA_ALIGN(a->rta_len);
        }
}

static int add_route(UplinkSearch *s, struct nlmsghdr *message)
{
        struct rtmsg *route = NLMSG_DATA(message);
        struct rtattr *attributes[RTA_MAX + 1] = {};

        if (route->rtm_family != s->family)
                return 0;
        read_attributes(after(route, NLMSG_ALIGN(sizeof(*route))), (int)RTM_PAYLOAD(message),
                        attributes, RTA_MAX);
        if (!route_leads_on(route, attributes))
                return 0;
        if (attributes[RTA_MULTIPATH])
                return add_next_hops(s, attributes[RTA_MULTIPATH]);
        return attributes[RTA_OIF] ? add_index(s, *(unsigned *)RTA_DATA(attributes[RTA_OIF])) : 0;
}

static int add_address(UplinkSearch *s, struct nlmsghdr *message)
{
        struct ifaddrmsg *address = NLMSG_DATA(message);
        struct rtattr *attributes[IFA_MAX + 1] = {}, *own;

        if (address->ifa_family != s->family)
                return 0;
        read_attributes(after(address, NLMSG_ALIGN(sizeof(*address))), (int)IFA_PAYLOAD(message),
                        attributes, IFA_MAX);
        own = attributes[IFA_LOCAL] ?: attributes[IFA_ADDRESS]; /* IPv6 has the second alone */
        if (address->ifa_scope >= RT_SCOPE_LINK || !own ||
            !address_is_global(s->family, RTA_DATA(own)))
                return 0;
        return add_index(s, address->ifa_index);
}

/* 1 at the end of the dump. */
static int add_all_of(UplinkSearch *s, struct nlmsghdr *message, ssize_t size)
{
        for (; NLMSG_OK(message, size); message = after(message, NLMSG_ALIGN(message->nlmsg_len))) {
                int r;

                if (message->nlmsg_type == NLMSG_DONE)
                        return 1;
                if (message->nlmsg_type == NLMSG_ERROR)
                        return ((struct nlmsgerr *)NLMSG_DATA(message))->error ?: -EPROTO;
                r = message->nlmsg_type == RTM_NEWROUTE  ? add_route(s, message)
                    : message->nlmsg_type == RTM_NEWADDR ? add_address(s, message)
                                                         : 0;
                if (r < 0)
                        return r;
                size -= NLMSG_ALIGN(message->nlmsg_len);
        }
        return 0;
}

/* @what: RTM_GETADDR or RTM_GETROUTE. */
static int dump(UplinkSearch *s, unsigned short what)
{
        struct {
                struct nlmsghdr header;
                struct rtmsg body; /* the larger; the kernel reads the family alone of both */
        } request = {
                .header = { .nlmsg_len = sizeof(request),
                            .nlmsg_type = what,
                            .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
                .body = { .rtm_family = (unsigned char)s->family },
        };
        _cleanup_free_ struct nlmsghdr *buffer = malloc(DUMP_BUFFER);
        _cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
        int r;

        if (!buffer)
                return -ENOMEM;
        if (fd < 0 || send(fd, &request, sizeof(request), 0) < 0)
                return -errno;
        do {
                ssize_t n = recv(fd, buffer, DUMP_BUFFER, 0);

                if (n < 0 && errno == EINTR)
                        r = 0;
                else
                        r = n < 0 ? -errno : n == 0 ? -EPROTO : add_all_of(s, buffer, n);
        } while (r == 0);
        return r < 0 ? r : 0;
}

int uplink_list(int family, char *const *ours, char ***ret, Error *error)
{
        UplinkSearch s = { .family = family, .ours = ours };
        _cleanup_strv_ char **names = NULL;
        const char *what = "address";
        int r = dump(&s, RTM_GETADDR);

        if (r >= 0) {
                what = "route";
                r = dump(&s, RTM_GETROUTE);
        }
        free(s.seen);
        names = s.names;
        if (r < 0) {
                (void)error_errno(error, -r, "Failed to list what 'ip %s' shows", what);
                error_hint(error, "ip %s", what);
                return r;
        }
        *ret = TAKE_PTR(names);
        return 0;
}
