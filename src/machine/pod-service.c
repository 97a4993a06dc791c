/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When the service addresses of a pod are there. */

#include "machine/pod-network.h"

#include "base/fd.h"
#include "network/service-link.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

DEFINE_STRING_TABLE(pod_health,
                    PodHealth, [POD_HEALTH_NONE] = "none", [POD_HEALTH_UNWATCHED] = "unwatched",
                    [POD_HEALTH_GOOD] = "healthy", [POD_HEALTH_BAD] = "unhealthy")

static bool has_file(const PodNetwork *p, const char *file)
{
        _cleanup_free_ char *path = pod_network_path(p->name, file);

        return path && access(path, F_OK) >= 0;
}

static int set_file(const PodNetwork *p, const char *file, bool there, Error *error)
{
        _cleanup_free_ char *path = pod_network_path(p->name, file);
        int r = path ? 0 : -ENOMEM;

        if (r >= 0 && there)
                r = write_file_atomic_at(AT_FDCWD, path, "", 0644);
        else if (r >= 0 && unlink(path) < 0 && errno != ENOENT)
                r = -errno;
        if (r == -ENOENT)
                return 0; /* the pod has just been removed, and with it whoever could ask */
        return r < 0 ? error_errno(error, -r, "Failed to write down how pod '%s' is", p->name) : 0;
}

int pod_network_watch(const PodNetwork *p, LockFile *ret, Error *error)
{
        _cleanup_free_ char *path = pod_network_path(p->name, "watcher");
        int r = path ? lock_file_take(path, true, ret) : -ENOMEM;

        if (r == -EAGAIN)
                return error_set(error, EBUSY, "The health of pod '%s' is watched already",
                                 p->name);
        return r < 0 ? error_errno(error, -r, "Failed to lock '%s'", path ?: p->name) : 0;
}

PodHealth pod_network_health(const PodNetwork *p)
{
        _cleanup_free_ char *path = pod_network_path(p->name, "watcher");

        if (!p->definition->health.command)
                return POD_HEALTH_NONE;
        if (path && !lock_file_is_held(path))
                return POD_HEALTH_UNWATCHED;
        return has_file(p, "healthy") ? POD_HEALTH_GOOD : POD_HEALTH_BAD;
}

int pod_network_open_route(const char *name)
{
        _cleanup_free_ char *path = pod_network_path(name, "netns");
        _cleanup_close_ int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        _cleanup_close_ int netns = path ? open(path, O_RDONLY | O_CLOEXEC) : -EBADF;
        int fd;

        if (own < 0 || netns < 0 || setns(netns, CLONE_NEWNET) < 0)
                return -EBADF; /* the mount was never made */
        fd = netlink_open(NETLINK_ROUTE);
        if (setns(own, CLONE_NEWNET) < 0)
                _exit(EXIT_FAILURE); /* nothing may go on in a network that is not its own */
        return fd;
}

int pod_network_tell(const PodNetwork *p, int route_fd, bool healthy, uint32_t valid_sec,
                     Error *error)
{
        const AddressSettings *addresses = &p->definition->settings->service_addresses;
        int r = 0;

        if (addresses->n > 0 && healthy && !has_file(p, "withdrawn"))
                r = service_link_put(route_fd, addresses, valid_sec, error);
        /* asked again: it may have been withdrawn between our look and our deed */
        if (r >= 0 && addresses->n > 0 && (!healthy || has_file(p, "withdrawn")))
                r = service_link_withdraw(route_fd, addresses, healthy ? 0 : valid_sec, error);
        return r < 0 || has_file(p, "healthy") == healthy ? r
                                                          : set_file(p, "healthy", healthy, error);
}

uint32_t pod_network_linger(const PodNetwork *p)
{
        uint64_t usec = p->definition->health.withdraw_usec;

        return usec > 0 ? (uint32_t)(usec / USEC_PER_SEC) + 2 : 0;
}

void pod_network_withdraw(const PodNetwork *p)
{
        const AddressSettings *addresses = &p->definition->settings->service_addresses;
        const HealthSetting *health = &p->definition->health;
        bool known = !health->command || has_file(p, "healthy"); /* to the world */
        _cleanup_close_ int route = -EBADF;

        if (addresses->n == 0 || has_file(p, "withdrawn"))
                return;
        route = pod_network_open_route(p->name);
        if (route < 0 || set_file(p, "withdrawn", true, NULL) < 0 ||
            service_link_withdraw(route, addresses, known ? pod_network_linger(p) : 0, NULL) < 0)
                return; /* they go with the network */
        if (known)
                (void)usleep((useconds_t)health->withdraw_usec);
}
