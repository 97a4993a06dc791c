/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers for loopback addresses through a machine's link.
 *
 * IPv4 has a switch for it. IPv6 has none, but an answer's address, once conntrack has put ::1 back
 * into it, is looked up with the interface it came from as a must (rt6_need_strict()): it fails
 * only since the route to ::1 leads to lo. A second local route to ::1, on the link, is what that
 * look-up finds, and its metric keeps everyone else on lo. A packet that has ::1 in it on the wire
 * is dropped long before (ip6_rcv_core()), so the route opens nothing to the machine. */

#include "network/local-path.h"

#include "base/cleanup.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define METRIC 4096 /* lo's is 0 */

typedef struct RouteRequest {
        struct nlmsghdr header;
        struct rtmsg route;
        struct rtattr to_type;
        struct in6_addr to;
        struct rtattr link_type;
        uint32_t link;
        struct rtattr metric_type;
        uint32_t metric;
} RouteRequest;

static RouteRequest route_request(uint32_t link)
{
        return (RouteRequest){
                .header = { .nlmsg_len = sizeof(RouteRequest),
                            .nlmsg_type = RTM_NEWROUTE,
                            .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE },
                /* as if the kernel's own: networkd removes those of others from its links */
                .route = { .rtm_family = AF_INET6,
                           .rtm_dst_len = 128,
                           .rtm_table = RT_TABLE_LOCAL,
                           .rtm_protocol = RTPROT_KERNEL,
                           .rtm_scope = RT_SCOPE_UNIVERSE,
                           .rtm_type = RTN_LOCAL },
                .to_type = { .rta_len = RTA_LENGTH(sizeof(struct in6_addr)), .rta_type = RTA_DST },
                .to = IN6ADDR_LOOPBACK_INIT,
                .link_type = { .rta_len = RTA_LENGTH(4), .rta_type = RTA_OIF },
                .link = link,
                .metric_type = { .rta_len = RTA_LENGTH(4), .rta_type = RTA_PRIORITY },
                .metric = METRIC,
        };
}

static int add_route(uint32_t link)
{
        _cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
        RouteRequest request = route_request(link);
        struct {
                struct nlmsghdr header;
                struct nlmsgerr error;
                char rest[512];
        } answer;
        ssize_t n;

        if (fd < 0 || send(fd, &request, sizeof(request), MSG_NOSIGNAL) < 0)
                return -errno;
        n = recv(fd, &answer, sizeof(answer), 0);
        if (n < 0)
                return -errno;
        if ((size_t)n < sizeof(answer.header) + sizeof(int) ||
            answer.header.nlmsg_type != NLMSG_ERROR)
                return -EBADMSG;
        return answer.error.error;
}

int local_path_open(const char *interface)
{
        _cleanup_free_ char *path = NULL;
        unsigned int link = if_nametoindex(interface);
        int r;

        if (link == 0)
                return -ENODEV;
        if (asprintf(&path, "/proc/sys/net/ipv4/conf/%s/route_localnet", interface) < 0)
                return -ENOMEM;
        r = write_file_at(AT_FDCWD, path, "1");
        if (r < 0)
                return r;
        r = add_route(link);
        if (r == -EEXIST) /* the bridge of another machine, or a second call */
                return 0;
        /* no IPv6 in the kernel, or on this link */
        return r == -EAFNOSUPPORT || r == -EOPNOTSUPP || r == -EACCES || r == -EINVAL ? 0 : r;
}
