/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* clone3() with a pidfd, straight into a cgroup (5.7+). */

#include <stdint.h>
#include <sys/types.h>

/* Like fork(): 0 in the child, the pid in the parent with *ret_pid_fd. @cgroup_fd < 0: stay in
 * ours. Where clone3() is refused (ENOSYS: a sandbox), clone() and a move by @cgroup_fd stand in:
 * the child is then moved before it returns from here. */
pid_t clone_process(uint64_t flags, int cgroup_fd, int *ret_pid_fd);
