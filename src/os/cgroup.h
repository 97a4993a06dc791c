/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Control groups of the v2 hierarchy, wherever it is mounted (unified or hybrid host). A cgroup is
 * an absolute directory path or a descriptor of it. */

#include <stdint.h>
#include <sys/types.h>

/* The mount point of the v2 hierarchy: "/sys/fs/cgroup" or "/sys/fs/cgroup/unified"; -ENODATA when
 * there is none. */
int cgroup_mount_point(const char **ret);
/* Our own cgroup as a path in the hierarchy ("/" for the root). The caller frees it. */
int cgroup_own(char **ret);
/* The cgroup of @pid in the v2 hierarchy. */
int cgroup_of(pid_t pid, char **ret);

/* Gives the directory and the files that may be delegated (/sys/kernel/cgroup/delegate) to an
 * owner. */
int cgroup_delegate(int cgroup_fd, uid_t uid, gid_t gid);
/* Switches on each available controller for the children; a refused one is skipped. */
void cgroup_enable_controllers(int cgroup_fd);
/* Takes them all back. */
void cgroup_disable_controllers(int cgroup_fd);
/* Kills every process below (cgroup.kill, or by hand before 5.14) and waits until it is empty, at
 * most @timeout_ms. -ETIMEDOUT if something would not die. */
int cgroup_kill(int cgroup_fd, int signal);
int cgroup_wait_empty(int cgroup_fd, int timeout_ms);
/* Removes the directory and everything below, leaf first. Missing is fine. */
int cgroup_remove(const char *path);
/* Moves a process. */
int cgroup_attach(int cgroup_fd, pid_t pid);
