/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A fresh network namespace for each test, with a socket in it. */

#include "os/link-list.h"
#include "os/netlink.h"

#include "../world.h"

#include <errno.h>
#include <linux/rtnetlink.h>

static int rtnl = -EBADF; /* the socket of the running test */

static inline int netns_make(void **state)
{
        if (unshare(CLONE_NEWNET) < 0) {
                perror("failed to unshare the network namespace");
                return -1;
        }
        rtnl = netlink_open(NETLINK_ROUTE);
        return rtnl < 0 ? rtnl : 0;
}

static inline int netns_drop(void **state)
{
        closep(&rtnl);
        rtnl = -EBADF;
        return 0;
}

#define WITH_NETNS(test) cmocka_unit_test_setup_teardown(test, netns_make, netns_drop)

/* Another network namespace; we stay where we are. */
static inline int netns_new(void)
{
        _cleanup_close_ int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        int other;

        assert_int_equal(unshare(CLONE_NEWNET), 0);
        other = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        assert_true(own >= 0 && other >= 0);
        assert_int_equal(setns(own, CLONE_NEWNET), 0);
        return other;
}

/* A socket in another network namespace. */
static inline int netns_socket(int netns)
{
        _cleanup_close_ int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        int fd;

        assert_int_equal(setns(netns, CLONE_NEWNET), 0);
        fd = netlink_open(NETLINK_ROUTE);
        assert_int_equal(setns(own, CLONE_NEWNET), 0);
        assert_true(fd >= 0);
        return fd;
}

static inline LinkSpec spec_named(const char *name)
{
        LinkSpec spec = LINK_SPEC_NULL;

        spec.name = name;
        return spec;
}

/* Sends the batch, which must succeed, and empties it. */
static inline void run_batch(int fd, NetlinkBatch *b)
{
        NetlinkFailure failure = {};
        int r = netlink_call(fd, b, &failure);

        if (r < 0)
                fail_msg("message %u: %s (%s)", failure.index, strerror(-r), failure.text);
        netlink_batch_clear(b);
}

static inline int index_of(int fd, const char *name)
{
        _cleanup_link_ Link link = LINK_NULL;
        int r = link_find(fd, LINK_BY_NAME(name), &link);

        return r < 0 ? r : link.index;
}

/* A pair that is up, to hang addresses and routes on; the index of "one". */
static inline int make_pair(void)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        LinkSpec one = spec_named("one"), two = spec_named("two");

        one.up = true;
        link_add_veth(&b, &one, &two);
        link_set_up(&b, LINK_BY_NAME("two"), true);
        run_batch(rtnl, &b);
        return index_of(rtnl, "one");
}
