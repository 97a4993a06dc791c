/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* For each test a host of its own: network and mount namespaces with an empty /run, in which links
 * are made with ip(8). A test that wants more hosts names them with `ip netns`. */

#include "../world.h"

#include "network/sysctl.h"

#include <stdlib.h>

/* Runs a command of a shell; true if it succeeded. */
static inline bool _printf_(1, 2) shell(const char *format, ...)
{
        _cleanup_free_ char *command = NULL;
        va_list ap;
        int r;

        va_start(ap, format);
        r = vasprintf(&command, format, ap);
        va_end(ap);
        assert_true(r >= 0);
        return system(command) == 0;
}

static inline int host_make(void **state)
{
        if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 || mount("tmpfs", "/run", "tmpfs", 0, NULL) < 0)
                return -1;
        return shell("ip link set lo up") ? 0 : -1;
}

static inline void set(const char *name, const char *value)
{
        _cleanup_error_ Error e = ERROR_NULL;

        if (sysctl_write(name, value, &e) < 0)
                fail_msg("%s", e.message);
}

static inline void assert_setting(const char *name, const char *value)
{
        _cleanup_free_ char *now = NULL;

        assert_int_equal(sysctl_read(name, &now), 0);
        if (strcmp(now, value) != 0)
                fail_msg("%s is %s, not %s", name, now, value);
}

/* After world_enter(). Returns 0, or the exit status of the program after it said why. */
static inline int net_world_check(void)
{
        if (unshare(CLONE_NEWNET) < 0) {
                perror("skipped: the kernel gives no network namespace");
                return WORLD_SKIP;
        }
        if (access(SYSCTL_NET "/ipv4/conf/lo/forwarding", W_OK) < 0) {
                perror("skipped: " SYSCTL_NET " cannot be written to");
                return WORLD_SKIP;
        }
        if (system("ip -V >/dev/null 2>&1") != 0) {
                fprintf(stderr, "skipped: ip is not installed (package iproute2)\n");
                return WORLD_SKIP;
        }
        return 0;
}

#define ON_HOST(test) cmocka_unit_test_setup(test, host_make)
