/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* host0 as a port of a bridge: an existing one, or the zone's, which its first member makes and its
 * last one removes, under systemd-nspawn's lock, whose containers may be in the same zone. */

#include "network/network.h"

#include "base/cleanup.h"
#include "base/fd.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#define ZONE_LOCK "/run/systemd/nspawn-network-zone"

static int lock_zones(void)
{
        int fd = mkdir_parents_at(AT_FDCWD, "/run/systemd", 0755);

        if (fd >= 0)
                fd = open(ZONE_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
        if (fd < 0)
                return -errno;
        while (flock(fd, LOCK_EX) < 0)
                if (errno != EINTR) {
                        int number = errno;

                        (void)close(fd);
                        return -number;
                }
        return fd;
}

static int find_bridge(const Network *n, const char *name, int *ret, Error *error)
{
        _cleanup_link_ Link bridge = LINK_NULL;
        int r = link_find(n->host_fd, LINK_BY_NAME(name), &bridge);

        if (r == -ENODEV) {
                error_set(error, ENODEV, "The host has no bridge '%s', which '%s' shall be in",
                          name, n->name);
                error_hint(error, "ip -brief link show type bridge");
        } else if (r < 0) {
                error_errno(error, -r, "Failed to look for the bridge '%s'", name);
        }
        if (r >= 0 && strcmp(bridge.kind, "bridge") != 0 && strcmp(bridge.kind, "openvswitch") != 0)
                r = error_set(error, ENOTBLK, "'%s', which '%s' shall be in, is not a bridge", name,
                              n->name);
        if (r >= 0)
                *ret = bridge.index;
        return r;
}

static int make_zone(const Network *n, int *ret, Error *error)
{
        LinkSpec spec = { n->plan->zone.name, &n->plan->zone_mac, 0, -EBADF, true };
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        NetlinkFailure failure = {};
        int r = find_bridge(n, spec.name, ret, NULL);

        if (r != -ENODEV)
                return r < 0 ? find_bridge(n, spec.name, ret, error) : 0;
        link_add_bridge(&b, &spec);
        r = netlink_call(n->host_fd, &b, &failure);
        if (r < 0)
                return error_errno(error, -r, "Failed to make the bridge '%s' of a zone%s%s",
                                   spec.name, failure.text[0] ? ": " : "", failure.text);
        return find_bridge(n, spec.name, ret, error);
}

static int join(const Network *n, int bridge, Error *error)
{
        const char *port = n->plan->links[0].host.name;
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        NetlinkFailure failure = {};
        int r;

        link_set_master(&b, LINK_BY_NAME(port), bridge);
        r = netlink_call(n->host_fd, &b, &failure);
        return r < 0 ? error_errno(error, -r, "Failed to make '%s' a port of a bridge%s%s", port,
                                   failure.text[0] ? ": " : "", failure.text)
                     : 0;
}

int network_join_bridge(Network *n, Error *error)
{
        _cleanup_close_ int lock = -EBADF;
        int bridge, r;

        if (!n->plan->bridge && !n->plan->zone.name[0])
                return 0;
        if (n->plan->bridge) {
                r = find_bridge(n, n->plan->bridge, &bridge, error);
        } else {
                lock = lock_zones();
                if (lock < 0)
                        return error_errno(error, -lock, "Failed to lock '" ZONE_LOCK "'");
                r = make_zone(n, &bridge, error);
        }
        return r < 0 ? r : join(n, bridge, error);
}

/* Our own port is gone by now. */
void network_leave_zone(const Network *n)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        _cleanup_link_list_ LinkList list = LINK_LIST_NULL;
        _cleanup_close_ int lock = -EBADF;
        int bridge;

        if (!n->plan->zone.name[0])
                return;
        lock = lock_zones();
        if (lock < 0 || find_bridge(n, n->plan->zone.name, &bridge, NULL) < 0 ||
            link_list(n->host_fd, &list) < 0)
                return;
        for (size_t i = 0; i < list.n; i++)
                if (list.items[i].master == bridge)
                        return;
        link_delete(&b, LINK_BY_INDEX(bridge));
        (void)netlink_call(n->host_fd, &b, NULL);
}
