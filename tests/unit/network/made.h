/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Plans and networks as a launcher makes them of words of a command line, and a second namespace
 * for the machine. After net-world.h. */

#include "../config/parsed.h"
#include "network/network.h"

static const Id128 host_id = { { 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa,
                                 0xbb, 0xcc, 0xdd, 0xee, 0xff } };

/* One machine: its plan, its network and its namespace. */
typedef struct Made {
        NetworkPlan plan;
        Network network;
        int netns;
} Made;

#define MADE_NULL ((Made){ .plan = NETWORK_PLAN_NULL, .network = NETWORK_NULL, .netns = -EBADF })
#define _cleanup_made_ _cleanup_(made_done)

static inline int plan_try(const char *name, const char *words, NetworkPlan *ret, Error *error)
{
        _cleanup_settings_ Settings *s = parse_words(words, error);

        return s ? network_plan_make(s, name, &host_id, ret, error) : -error->number;
}

/* Chooses its addresses. */
static inline int made_acquire(Made *m, const char *name, const char *words, Error *error)
{
        HostSettings settings = host_settings_default;
        int r = plan_try(name, words, &m->plan, error);

        return r < 0 ? r : network_acquire(&m->plan, name, &settings, &m->network, error);
}

/* A fresh namespace for each start. */
static inline int made_up(Made *m, Error *error)
{
        int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), fd;

        closep(&m->netns);
        assert_int_equal(unshare(CLONE_NEWNET), 0);
        m->netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        fd = netlink_open(NETLINK_ROUTE);
        assert_true(own >= 0 && m->netns >= 0 && fd >= 0);
        assert_int_equal(setns(own, CLONE_NEWNET), 0);
        (void)close(own);
        return network_up(&m->network, m->netns, fd, error);
}

/* Both, which must succeed. */
static inline void made_start(Made *m, const char *name, const char *words)
{
        _cleanup_error_ Error e = ERROR_NULL;

        if (made_acquire(m, name, words, &e) < 0 || made_up(m, &e) < 0)
                fail_msg("%s: %s", words, e.message);
}

static inline void made_stop(Made *m)
{
        network_release(&m->network);
        network_plan_done(&m->plan);
        closep(&m->netns);
        *m = MADE_NULL;
}

/* As the end of a launcher that was killed: nothing is cleared away, the namespace goes. */
static inline void made_kill(Made *m)
{
        closep(&m->netns);
        closep(&m->network.machine_fd);
        closep(&m->network.host_fd);
        link_addresses_done(&m->network.addresses);
        network_plan_done(&m->plan);
        *m = MADE_NULL;
}

static inline void made_done(Made *m)
{
        made_stop(m);
}

/* A command of a shell inside of the machine; true if it succeeded. */
static inline bool inside(const Made *m, const char *command)
{
        _cleanup_close_ int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        bool ok;

        assert_int_equal(setns(m->netns, CLONE_NEWNET), 0);
        ok = system(command) == 0;
        assert_int_equal(setns(own, CLONE_NEWNET), 0);
        return ok;
}

/* Whether a link of that name (or alternative name) is there. */
static inline bool exists(const char *link)
{
        return shell("ip link show %s >/dev/null 2>&1", link);
}
