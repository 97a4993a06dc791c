/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* File systems that show the namespaces of whoever mounts them (proc, sysfs, mqueue, cgroup2), made
 * for the machine by the host: a helper joins the namespaces of the waiting first process, mounts,
 * and leaves the detached mounts in our descriptor table. So they are locked like all the others.
 */

#include "base/error.h"

typedef struct Assembly Assembly;

typedef struct Namespaced {
        int proc_fd, sysfs_fd, mqueue_fd,
                cgroup_fd; /* detached; cgroup_fd -EBADF if there is none */
        int route_fd;      /* netlink socket in a network of its own with links, or -EBADF */
} Namespaced;

#define NAMESPACED_NULL ((Namespaced){ -EBADF, -EBADF, -EBADF, -EBADF, -EBADF })

int namespaced_new(const Assembly *a, Namespaced *ret, Error *error);
void namespaced_done(Namespaced *n);
