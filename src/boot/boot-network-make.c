/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Links and ports cost the kernel a millisecond or two, as much as the file systems of a small
 * machine. So a process of its own makes them at the same time, from the moment when the machine's
 * network namespace is there. It changes only what outlives it: the kernel's links, tables and
 * settings. What has to be undone one day the supervisor notes before it starts, but for the
 * settings, which have a file (forwarding-record.h). */

#include "boot/boot-network.h"

#include "base/fd.h"
#include "boot/boot-address.h"
#include "boot/boot.h"
#include "machine/firewall.h"
#include "network/forwarding.h"
#include "network/table-check.h"
#include "network/table-guard.h"
#include "network/table-share.h"
#include "os/loopback.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

/* Returns whether the table guards the host's uplinks already: nothing is to be changed by us, nor
 * was since we looked. */
static bool plan_forwarding(const Boot *b, ForwardingRecord *ret)
{
        _cleanup_table_guard_ TableGuard before = TABLE_GUARD_NULL, after = TABLE_GUARD_NULL;
        _cleanup_error_ Error cause = ERROR_NULL;
        int r = table_guard_read(&before, NULL);

        if (forwarding_plan(network_host_link(&b->plan->network), ret, &cause) < 0)
                boot_network_warn(b, &cause);
        return ret->n_changes == 0 && r >= 0 && table_guard_read(&after, NULL) >= 0 &&
               table_guard_equal(&before, &after);
}

/* The program only where more than the machine's own elements has to change. 1: it has refused
 * them, and said why. The socket is left open until this process ends: closing it waits until the
 * kernel has freed what anybody else has just deleted. */
static int open_ports(const Boot *b, bool guarded, Error *error)
{
        int table = table_check_open();
        pid_t firewall = 0;
        int r;

        if (guarded && table_share_add(b->network.directory_fd, table, b->plan->machine) > 0)
                return 0;
        r = firewall_begin(&firewall, "add", b->plan->machine, error);
        return r < 0 ? r : !firewall_end(&firewall);
}

/* The uplinks forward when the table guards them, and not before. Returns as open_ports() does. */
static int let_through(const Boot *b, Error *error)
{
        _cleanup_forwarding_record_ ForwardingRecord uplinks = FORWARDING_RECORD_NULL;
        _cleanup_error_ Error cause = ERROR_NULL;
        int r = open_ports(b, plan_forwarding(b, &uplinks), error);

        if (r == 0 && forwarding_make(&uplinks, &cause) < 0)
                boot_network_warn(b, &cause);
        return r;
}

static int open_namespace(const Boot *b, Error *error)
{
        char path[64];
        int fd;

        (void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)b->pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        return fd < 0 ? error_errno(error, errno, "Failed to open the network namespace of '%s'",
                                    b->plan->machine)
                      : fd;
}

/* Sets up lo, which is a matter of being in there, and opens a netlink socket, which stays there.
 */
static int enter(const Boot *b, int netns_fd, Error *error)
{
        _cleanup_close_ int fd = -EBADF;
        int r = setns(netns_fd, CLONE_NEWNET) < 0 ? -errno : loopback_up();

        if (r >= 0)
                r = fd = netlink_open(NETLINK_ROUTE);
        if (setns(b->host_network_fd, CLONE_NEWNET) < 0 && r >= 0)
                r = -errno;
        return r < 0 ? error_errno(error, -r, "Failed to set up the network namespace of '%s'",
                                   b->plan->machine)
                     : TAKE_FD(fd);
}

/* Among the host's mounts, while the supervisor is among those of the machine. 1: the ports were
 * refused. */
static int make(void *argument, Error *error)
{
        Boot *b = argument;
        _cleanup_close_ int netns = -EBADF;
        int route, r = errand_die_with_caller();

        if (r >= 0 && setns(b->host_mounts_fd, CLONE_NEWNS) < 0)
                r = -errno;
        if (r < 0)
                return error_errno(error, -r, "Failed to return to the host's mount namespace");
        netns = open_namespace(b, error);
        route = netns < 0 ? netns : enter(b, netns, error);
        if (route < 0)
                return route;
        r = network_up(&b->network.network, netns, route, error);
        if (r < 0 || !network_is_routed(&b->network.network))
                return r;
        (void)write_all(b->network.linked_fd, "", 1); /* the supervisor may be gone */
        return let_through(b, error);
}

int boot_network_begin(Boot *b, Error *error)
{
        BootNetwork *n = &b->network;
        _cleanup_close_ int theirs = -EBADF;
        int ends[2], r;

        if (!n->acquired)
                return 0;
        if (pipe2(ends, O_CLOEXEC) < 0)
                return error_errno(error, errno, "Failed to make a pipe");
        n->linked_fd = theirs = ends[1];
        r = errand_start(make, b, &n->making, error);
        n->linked_fd = ends[0];
        if (r < 0)
                return r;
        n->network.up = true;
        n->forwards = network_is_routed(&n->network);
        return 0;
}

/* False: there will be none, or none that the host routes to. */
static bool await_links(BootNetwork *n)
{
        ssize_t size;
        char byte;

        do
                size = read(n->linked_fd, &byte, 1);
        while (size < 0 && errno == EINTR);
        closep(&n->linked_fd);
        n->linked_fd = -EBADF;
        return size == 1;
}

int boot_network_await(Boot *b, Error *error)
{
        _cleanup_close_ int netns = -EBADF;
        BootNetwork *n = &b->network;
        int r;

        if (!n->acquired)
                return 0;
        if (await_links(n))
                boot_network_serve(b); /* while the ports are opened */
        r = errand_hear(&n->making, error);
        if (r < 0)
                return r;
        n->refused = r > 0;
        if (n->network.addressing != NETWORK_ADDRESSING_NETWORKD)
                return 0;
        netns = open_namespace(b, error);
        return netns < 0 ? netns : boot_address_start(b, netns, error);
}

void boot_network_abandon(Boot *b)
{
        BootNetwork *n = &b->network;

        closep(&n->linked_fd);
        n->linked_fd = -EBADF;
        if (n->making.report_fd >= 0)
                (void)errand_hear(&n->making, NULL); /* why it is abandoned was told */
        errand_done(&n->making);
}
