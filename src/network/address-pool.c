/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Choosing addresses. A claim is a link whose text is the name, since that is made or found in one
 * step; one of a launcher that was killed stays until its name starts again or the pool is full,
 * and only makes others choose another. */

#include "network/address-pool.h"

#include "base/fd.h"
#include "base/siphash.h"
#include "os/netlink.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ATTEMPTS 100
#define ROUTE_BITS_MIN 8 /* of a network; anything wider is a default route in parts */

/* Random numbers, chosen once: a change gives every machine another address. */
static const uint8_t address_key[16] = { 0x3d, 0x5f, 0x91, 0x0b, 0xe7, 0x26, 0x4a, 0x88,
                                         0xb2, 0x1c, 0x70, 0xd9, 0x05, 0xfe, 0x63, 0xa4 };
static const uint8_t prefix_key[16] = { 0x8e, 0x14, 0xc6, 0x59, 0x02, 0xbb, 0x7d, 0x30,
                                        0xf1, 0x4d, 0x9a, 0x67, 0xd8, 0x23, 0xae, 0x15 };

static uint64_t hash(const uint8_t key[static 16], const void *data, size_t size, uint64_t number)
{
        SipHash h;

        siphash_init(&h, key);
        siphash_add(&h, data, size);
        siphash_add(&h, &number, sizeof(number));
        return siphash_end(&h);
}

AddressPair address_pool_gateway(const AddressPool *pool)
{
        AddressPair gateway = { .v4.s_addr = htonl(ntohl(pool->network.s_addr) + 1),
                                .v6 = pool->prefix };

        gateway.v6.s6_addr[15] = 1;
        return gateway;
}

AddressPair address_pool_candidate(const AddressPool *pool, const char *name, unsigned attempt)
{
        uint64_t h4 = hash(address_key, name, strlen(name), attempt);
        uint64_t h6 = hash(prefix_key, name, strlen(name), attempt);
        uint32_t hosts = (UINT32_C(1) << (32 - pool->bits)) - 3; /* but first, gateway and last */
        AddressPair pair = { .v4.s_addr = htonl(ntohl(pool->network.s_addr) + 2 +
                                                (uint32_t)(h4 % hosts)),
                             .v6 = pool->prefix };

        pair.v6.s6_addr[7] = 1; /* a subnet without the gateway */
        for (unsigned i = 8; i < 16; i++, h6 >>= 8)
                pair.v6.s6_addr[i] = (uint8_t)h6;
        return pair;
}

static int open_claims(void)
{
        int r = mkdir_parents_at(AT_FDCWD, ADDRESS_CLAIMS_DIRECTORY, 0755);
        int fd = r < 0 ? r : open(ADDRESS_CLAIMS_DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return r < 0 ? r : fd < 0 ? -errno : fd;
}

static int read_claim(int claims_fd, const char *address, char name[static NAME_MAX + 1])
{
        ssize_t n = readlinkat(claims_fd, address, name, NAME_MAX);

        if (n < 0)
                return -errno;
        name[n] = '\0';
        return 0;
}

/* 1: it is ours now, 2: it was before, 0: another's. */
static int claim(int claims_fd, int family, const void *address, const char *name)
{
        char text[INET6_ADDRSTRLEN], holder[NAME_MAX + 1];
        int r;

        (void)inet_ntop(family, address, text, sizeof(text));
        if (symlinkat(name, claims_fd, text) >= 0)
                return 1;
        if (errno != EEXIST)
                return -errno;
        r = read_claim(claims_fd, text, holder);
        if (r == -ENOENT) /* given back in this moment: the next attempt is as good */
                return 0;
        return r < 0 ? r : strcmp(holder, name) == 0 ? 2 : 0;
}

static void give_back(int claims_fd, int family, const void *address, const char *name)
{
        char text[INET6_ADDRSTRLEN], holder[NAME_MAX + 1];

        (void)inet_ntop(family, address, text, sizeof(text));
        if (read_claim(claims_fd, text, holder) >= 0 && strcmp(holder, name) == 0)
                (void)unlinkat(claims_fd, text, 0); /* gone already is as well */
}

static int on_route(const NetlinkMessage *message, void *userdata)
{
        const struct rtmsg *route = message->fixed;
        unsigned *bits = userdata;

        *bits = route->rtm_dst_len;
        return 0;
}

/* Whether a route of the host leads to this address, in any table that its rules ask. Of one that
 * was @ours before, a route to it alone is what a killed launcher left on the bridge of a zone.
 * Tunnels write the default route as halves, or as quarters with fc00::/7 among them, so that the
 * host's own stays: such a route says as little of who has the address. */
static int is_routed(int route_fd, int family, const void *address, bool ours)
{
        struct rtmsg header = {
                .rtm_family = (unsigned char)family,
                .rtm_dst_len = family == AF_INET ? 32 : 128,
                .rtm_flags = RTM_F_FIB_MATCH, /* the route itself, not what came of it */
        };
        const NetlinkReader reader = { RTM_NEWROUTE, sizeof(header), on_route, NULL };
        _cleanup_netlink_batch_ NetlinkBatch batch = NETLINK_BATCH_NULL;
        unsigned bits = 0;
        int r;

        netlink_begin(&batch, RTM_GETROUTE, 0, &header, sizeof(header));
        netlink_put(&batch, RTA_DST, address, family == AF_INET ? 4 : 16);
        netlink_end(&batch);
        r = netlink_query(route_fd, &batch, &reader, &bits, NULL);
        if (r == -ENETUNREACH || r == -EHOSTUNREACH || r == -EACCES || r == -EINVAL)
                return 0;                           /* a route of a type that says so, or none */
        if (r == -EOPNOTSUPP || r == -EAFNOSUPPORT) /* ipv6.disable=1 */
                return 0;
        return r < 0 ? r : bits >= ROUTE_BITS_MIN && !(ours && bits == header.rtm_dst_len);
}

static int try_pair(int claims_fd, int route_fd, const char *name, const AddressPair *pair)
{
        int r = claim(claims_fd, AF_INET, &pair->v4, name);
        bool ours = r > 1;

        if (r <= 0)
                return r;
        r = claim(claims_fd, AF_INET6, &pair->v6, name);
        if (r > 0) {
                r = is_routed(route_fd, AF_INET, &pair->v4, ours);
                if (r == 0)
                        r = is_routed(route_fd, AF_INET6, &pair->v6, ours);
                r = r < 0 ? r : !r;
        }
        if (r <= 0) {
                give_back(claims_fd, AF_INET, &pair->v4, name);
                give_back(claims_fd, AF_INET6, &pair->v6, name);
        }
        return r;
}

static int explain_full(const AddressPool *pool, const char *name, Error *error)
{
        char text[INET_ADDRSTRLEN];

        (void)inet_ntop(AF_INET, &pool->network, text, sizeof(text));
        error_set(error, EADDRNOTAVAIL,
                  "There is no address for '%s': the host has routes to all of %s/%u that were "
                  "tried, or other machines hold them",
                  name, text, pool->bits);
        error_hint(error, "ip route show table all; then Pool= in [Network] of "
                          "/etc/stead/stead.conf, or Address= for this one");
        return -EADDRNOTAVAIL;
}

int address_pool_take(const AddressPool *pool, int route_fd, const char *name, AddressPair *ret,
                      Error *error)
{
        _cleanup_close_ int claims = open_claims();

        if (claims < 0)
                return error_errno(error, -claims, "Failed to open '" ADDRESS_CLAIMS_DIRECTORY "'");
        for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
                AddressPair pair = address_pool_candidate(pool, name, attempt);
                int r = try_pair(claims, route_fd, name, &pair);

                if (r < 0)
                        return error_errno(error, -r, "Failed to choose an address for '%s'", name);
                if (r > 0) {
                        *ret = pair;
                        return 0;
                }
        }
        return explain_full(pool, name, error);
}

void address_pool_release(const char *name, const AddressPair *pair)
{
        _cleanup_close_ int claims = open_claims();

        if (claims < 0)
                return;
        give_back(claims, AF_INET, &pair->v4, name);
        give_back(claims, AF_INET6, &pair->v6, name);
}
