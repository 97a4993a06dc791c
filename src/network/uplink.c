/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Uplinks, from the addresses and the routes of the calling thread's network namespace. Must not
 * know what they are wanted for. */

#include "network/uplink.h"

#include "base/strv.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
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

static int add_addressed(UplinkSearch *s, Error *error)
{
        struct ifaddrs *all;
        int r = 0;

        if (getifaddrs(&all) < 0)
                return error_errno(error, errno, "Failed to list the host's addresses");
        for (struct ifaddrs *a = all; a && r >= 0; a = a->ifa_next) {
                const void *address = a->ifa_addr; /* aligned for its family */

                if (!a->ifa_addr || a->ifa_addr->sa_family != s->family || !(a->ifa_flags & IFF_UP))
                        continue;
                address = s->family == AF_INET
                                  ? (const void *)&((const struct sockaddr_in *)address)->sin_addr
                                  : &((const struct sockaddr_in6 *)address)->sin6_addr;
                if (address_is_global(s->family, address))
                        r = add_name(s, a->ifa_name);
        }
        freeifaddrs(all);
        return r < 0 ? error_errno(error, -r, "Failed to list the host's addresses") : 0;
}

static int add_index(UplinkSearch *s, unsigned index)
{
        char name[IF_NAMESIZE];

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

static int add_route(UplinkSearch *s, struct nlmsghdr *message)
{
        struct rtmsg *route = NLMSG_DATA(message);
        struct rtattr *attributes[RTA_MAX + 1] = {};
        int size = (int)RTM_PAYLOAD(message);

        if (message->nlmsg_type != RTM_NEWROUTE || route->rtm_family != s->family)
                return 0;
        for (struct rtattr *a = after(route, NLMSG_ALIGN(sizeof(*route))); RTA_OK(a, size);
             a = after(a, RTA_ALIGN(a->rta_len))) {
                if (a->rta_type <= RTA_MAX)
                        attributes[a->rta_type] = a;
                size -= (int)RTA_ALIGN(a->rta_len);
        }
        if (!route_leads_on(route, attributes))
                return 0;
        if (attributes[RTA_MULTIPATH])
                return add_next_hops(s, attributes[RTA_MULTIPATH]);
        return attributes[RTA_OIF] ? add_index(s, *(unsigned *)RTA_DATA(attributes[RTA_OIF])) : 0;
}

/* 1 at the end of the dump. */
static int add_routes_of(UplinkSearch *s, struct nlmsghdr *message, ssize_t size)
{
        for (; NLMSG_OK(message, size); message = after(message, NLMSG_ALIGN(message->nlmsg_len))) {
                int r;

                if (message->nlmsg_type == NLMSG_DONE)
                        return 1;
                if (message->nlmsg_type == NLMSG_ERROR)
                        return ((struct nlmsgerr *)NLMSG_DATA(message))->error ?: -EPROTO;
                r = add_route(s, message);
                if (r < 0)
                        return r;
                size -= NLMSG_ALIGN(message->nlmsg_len);
        }
        return 0;
}

static int dump_routes(UplinkSearch *s)
{
        struct {
                struct nlmsghdr header;
                struct rtmsg route;
        } request = {
                .header = { .nlmsg_len = sizeof(request),
                            .nlmsg_type = RTM_GETROUTE,
                            .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
                .route = { .rtm_family = (unsigned char)s->family },
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
                        r = n < 0 ? -errno : n == 0 ? -EPROTO : add_routes_of(s, buffer, n);
        } while (r == 0);
        return r < 0 ? r : 0;
}

int uplink_list(int family, char *const *ours, char ***ret, Error *error)
{
        UplinkSearch s = { .family = family, .ours = ours };
        _cleanup_strv_ char **names = NULL;
        int r = add_addressed(&s, error);

        if (r >= 0) {
                r = dump_routes(&s);
                if (r < 0)
                        (void)error_errno(error, -r, "Failed to list the host's routes");
        }
        names = s.names;
        if (r < 0)
                return r;
        *ret = TAKE_PTR(names);
        return 0;
}
