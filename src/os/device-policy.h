/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which device nodes the processes of a cgroup may make and open: a BPF program on the cgroup, as
 * cgroup v2 has it instead of a controller. For machines whose cgroup systemd does not guard. Must
 * not know which machine wants which device, beyond the list that every machine starts from. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEVICE_ANY UINT32_MAX

typedef struct DeviceRule {
        char type;             /* 'c', 'b', or 'a' for both */
        uint32_t major, minor; /* DEVICE_ANY for all */
        bool read, write, mknod;
} DeviceRule;

/* The pseudo devices, tun and fuse, and opening ptys; container-interface CI-060. */
extern const DeviceRule device_policy_default[];
extern const size_t n_device_policy_default;

/* Refuses every access to a device in this cgroup2 directory and below that no rule allows, and
 * reads back that the program is attached. One rule has to allow all of an access by itself: "r"
 * and "w" in two rules do not open for both. Lives as long as the cgroup. Programs further up and
 * earlier calls stay in force, an access needs the consent of all. -EPERM without CAP_SYS_ADMIN or
 * CAP_NET_ADMIN and CAP_BPF, -ENOSYS or -EINVAL where the kernel cannot, -EBADF if @cgroup_fd is no
 * cgroup2 directory, -E2BIG beyond some 500 rules. */
int device_policy_attach(int cgroup_fd, const DeviceRule *rules, size_t n_rules);

/* Puts other rules in the place of those that device_policy_attach() put there, at once: at no
 * moment are there none. -ENOENT if it did not. */
int device_policy_replace(int cgroup_fd, const DeviceRule *rules, size_t n_rules);

/* Whether any program guards the devices of this very directory: ours or systemd's. */
int device_policy_is_guarded(int cgroup_fd);
