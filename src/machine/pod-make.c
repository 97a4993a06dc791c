/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Making the network of a pod and taking it down. The namespace is the host's: no member is root
 * over it but one that has no user namespace, so low ports and ping are opened to all. Each step
 * can be the last one (kill -9): the next start takes down what it finds, and begins anew. */

#include "machine/pod-network.h"

#include "base/fd.h"
#include "machine/firewall.h"
#include "machine/publish.h"
#include "network/forwarding.h"
#include "network/guest-config.h"
#include "network/guest-sysctl.h"
#include "network/published.h"
#include "network/service-link.h"
#include "network/sysctl.h"
#include "os/loopback.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>

static void warn(const char *name, const Error *cause)
{
        fprintf(stderr, "Pod '%s': %s.\n", name, cause->message);
        if (cause->hint)
                fprintf(stderr, "  Try: %s\n", cause->hint);
}

static int write_record(const char *name, const char *file, const char *text, Error *error)
{
        _cleanup_free_ char *path = pod_network_path(name, file);
        int r = path ? write_file_atomic_at(AT_FDCWD, path, text, 0644) : -ENOMEM;

        return r < 0 ? error_errno(error, -r, "Failed to write '" PODS_DIRECTORY "/%s/%s'", name,
                                   file)
                     : 0;
}

/* In the new namespace. Members are root of other user namespaces than its own, so CAP_NET_RAW and
 * CAP_NET_BIND_SERVICE of theirs mean nothing here. */
static int furnish(const char *name, Error *error)
{
        _cleanup_error_ Error cause = ERROR_NULL;
        int r = loopback_up();

        if (r < 0)
                return error_errno(error, -r, "Failed to set up the loopback interface of '%s'",
                                   name);
        r = sysctl_write("ipv4/ip_unprivileged_port_start", "0", &cause);
        if (r >= 0)
                r = network_guest_sysctls(&cause);
        if (r < 0)
                warn(name, &cause); /* its members serve high ports all the same */
        return 0;
}

static int mount_namespace(const char *name, Error *error)
{
        _cleanup_free_ char *path = pod_network_path(name, "netns");
        _cleanup_close_ int fd =
                path ? open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444) : -EBADF;

        if (!path)
                return error_set(error, ENOMEM, "Out of memory");
        if (fd < 0)
                return error_errno(error, errno, "Failed to create '%s'", path);
        return mount("/proc/self/ns/net", path, NULL, MS_BIND, NULL) < 0
                       ? error_errno(error, errno, "Failed to mount the namespace at '%s'", path)
                       : 0;
}

/* Makes the namespace, and a netlink socket in it. */
static int make_namespace(const char *name, int *ret_netns, int *ret_route, Error *error)
{
        _cleanup_close_ int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        _cleanup_close_ int netns = -EBADF, route = -EBADF;
        int r;

        if (own < 0 || unshare(CLONE_NEWNET) < 0)
                return error_errno(error, errno, "Failed to make the network namespace of '%s'",
                                   name);
        r = furnish(name, error);
        if (r >= 0) {
                netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
                route = netlink_open(NETLINK_ROUTE);
                if (netns < 0 || route < 0)
                        r = error_set(error, EIO, "Failed to hold the network of '%s'", name);
        }
        if (r >= 0)
                r = mount_namespace(name, error);
        if (setns(own, CLONE_NEWNET) < 0)
                return error_errno(error, errno, "Failed to return to the host's network");
        if (r < 0)
                return r;
        *ret_netns = TAKE_FD(netns);
        *ret_route = TAKE_FD(route);
        return 0;
}

static int acquire(PodNetwork *p, Error *error)
{
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        _cleanup_free_ char *record = NULL, *resolv_conf = NULL;
        HostSettings settings = host_settings_default;
        int r;

        (void)host_settings_load(HOST_SETTINGS_PATH, &settings, &diagnostics, NULL);
        r = network_acquire_anew(&p->plan, p->name, &settings, &p->network, error);
        if (r < 0)
                return r;
        if (p->network.addressing == NETWORK_ADDRESSING_NETWORKD)
                fprintf(stderr,
                        "Pod '%s' has no addresses: systemd-networkd of the host gives them by "
                        "DHCP, and nobody in a pod asks for one.\n"
                        "  Try: Address= in section [Network] of %s.pod\n",
                        p->name, p->name);
        if (network_format(&p->network, &record) < 0 ||
            network_resolv_conf(&p->network, &resolv_conf) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        r = write_record(p->name, "network", record, error);
        return r < 0 || !resolv_conf ? r : write_record(p->name, "resolv.conf", resolv_conf, error);
}

static void end_forwarding(const PodNetwork *p)
{
        /* the bridge of a zone may stay for others; it is found out whether it has */
        (void)forwarding_disable(p->plan.zone.name[0] ? NULL : network_host_link(&p->plan), NULL);
}

/* Now that the table guards them. */
static int forward(const PodNetwork *p, const ForwardingRecord *uplinks)
{
        _cleanup_error_ Error cause = ERROR_NULL;

        if (forwarding_make(uplinks, &cause) < 0)
                warn(p->name, &cause);
        return 0;
}

/* The host's side of a network whose packets it passes on. */
static int connect_host(PodNetwork *p, Error *error)
{
        _cleanup_close_ int dirfd = published_open_directory(error);
        _cleanup_forwarding_record_ ForwardingRecord uplinks = FORWARDING_RECORD_NULL;
        _cleanup_error_ Error cause = ERROR_NULL;
        pid_t firewall = 0;
        int r = dirfd;

        if (r >= 0)
                r = network_publish(&p->network, dirfd, true, error);
        if (r < 0)
                return r;
        if (forwarding_plan(network_host_link(&p->plan), &uplinks, &cause) < 0)
                warn(p->name, &cause);
        r = firewall_begin(&firewall, "add", p->name, error);
        if (r < 0)
                return r;
        if (firewall_end(&firewall))
                return forward(p, &uplinks);
        end_forwarding(p); /* which nothing guards */
        if (p->plan.ports.n > 0)
                return error_set(error, EIO, "The ports of pod '%s' cannot be opened, see above",
                                 p->name);
        fprintf(stderr, "Pod '%s' has no way out of the host, see above.\n", p->name);
        return 0;
}

/* With a check, the addresses come with the first that passes. */
static int make_service_link(const PodNetwork *p, int route_fd, Error *error)
{
        const AddressSettings *addresses = &p->definition->settings->service_addresses;
        int r = addresses->n > 0 ? service_link_make(route_fd, error) : 0;

        return r < 0 || addresses->n == 0 || p->definition->health.command
                       ? r
                       : service_link_put(route_fd, addresses, 0, error);
}

static int connect_links(PodNetwork *p, int netns_fd, int route_fd, Error *error)
{
        _cleanup_close_ int route = route_fd;
        int r;

        if (!network_plan_has_links(&p->plan))
                return 0;
        r = network_up(&p->network, netns_fd, TAKE_FD(route), error);
        return r < 0 || !network_is_routed(&p->network) ? r : connect_host(p, error);
}

static int make_directory(const PodNetwork *p, Error *error)
{
        _cleanup_free_ char *path = pod_network_path(p->name, "members");
        int r = path ? mkdir_parents_at(AT_FDCWD, path, 0755) : -ENOMEM;

        return r < 0 ? error_errno(error, -r, "Failed to create '" PODS_DIRECTORY "/%s'", p->name)
                     : 0;
}

static int make(PodNetwork *p, const char *definition, Error *error)
{
        _cleanup_close_ int netns = -EBADF, route = -EBADF;
        int r = make_directory(p, error);

        if (r >= 0)
                r = write_record(p->name, "definition", definition, error);
        if (r >= 0)
                r = acquire(p, error);
        if (r >= 0)
                r = make_namespace(p->name, &netns, &route, error);
        if (r >= 0)
                r = make_service_link(p, route, error);
        if (r >= 0)
                r = connect_links(p, netns, TAKE_FD(route), error);
        return r < 0 ? r : write_record(p->name, "ready", "", error);
}

int pod_network_make(const char *name, Error *error)
{
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        _cleanup_pod_network_ PodNetwork *p = NULL;
        _cleanup_machine_ Machine *machine = NULL;
        _cleanup_free_ char *definition = NULL;
        Pod *pod = NULL;
        int r;

        if (machine_open(name, &machine, NULL) >= 0) {
                error_set(error, EEXIST, "'%s' is the name of a machine that runs", name);
                error_hint(error, "give the pod another name; or stead stop %s", name);
                return -EEXIST;
        }
        r = pod_load("", name, &pod, &diagnostics, error);
        if (r < 0)
                return r;
        r = pod_format(pod, &definition);
        if (r < 0) {
                pod_free(pod);
                return error_set(error, -r, "Out of memory");
        }
        r = pod_network_new(name, pod, &p, error);
        if (r < 0)
                return r;
        pod_network_unmake(name);
        r = make(p, definition, error);
        if (r < 0) {
                p->network.up = false; /* what was done is undone by what is on disk */
                pod_network_unmake(name);
                return error_prefix(error, "Pod '%s'", name);
        }
        return 0;
}

static void take_down(PodNetwork *p)
{
        pid_t firewall = 0;

        p->network.machine_fd = pod_network_open_route(p->name);
        p->network.up = true;
        if (network_plan_has_links(&p->plan)) {
                network_down(&p->network);
                end_forwarding(p);
        }
        if (network_is_routed(&p->network) &&
            firewall_begin(&firewall, "remove", p->name, NULL) >= 0)
                (void)firewall_end(&firewall);
        network_release(&p->network);
}

void pod_network_unmake(const char *name)
{
        _cleanup_pod_network_ PodNetwork *p = NULL;
        _cleanup_free_ char *path = pod_network_path(name, "netns"),
                            *directory = pod_network_path(name, "."),
                            *ready = pod_network_path(name, "ready");

        if (!path || !directory || !ready || access(directory, F_OK) < 0)
                return;
        (void)unlink(ready); /* from here on it is a left-over */
        if (pod_network_load(name, &p, NULL) >= 0)
                take_down(p);
        (void)umount2(path, MNT_DETACH); /* with the last process in it the namespace goes, too */
        *strrchr(directory, '/') = '\0';
        (void)remove_tree_at(AT_FDCWD, directory); /* or the next start does */
}
