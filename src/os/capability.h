/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Capabilities as one 64-bit set, by name and number, and the step that leaves a process with
 * exactly the sets it should have. Straight to the kernel, without libcap. Must not know which
 * machine wants which set, beyond the default that every machine starts from. */

#include "base/cleanup.h"

#include <linux/capability.h>
#include <stdint.h>

typedef uint64_t CapabilitySet;

#define CAP_BIT(n) (UINT64_C(1) << (n))

/* What PID 1 of a machine holds when nothing else is asked for; container-interface CI-109. */
#define CAPABILITIES_DEFAULT                                                                     \
        (CAP_BIT(CAP_AUDIT_CONTROL) | CAP_BIT(CAP_AUDIT_WRITE) | CAP_BIT(CAP_CHOWN) |            \
         CAP_BIT(CAP_DAC_OVERRIDE) | CAP_BIT(CAP_DAC_READ_SEARCH) | CAP_BIT(CAP_FOWNER) |        \
         CAP_BIT(CAP_FSETID) | CAP_BIT(CAP_IPC_OWNER) | CAP_BIT(CAP_KILL) | CAP_BIT(CAP_LEASE) | \
         CAP_BIT(CAP_LINUX_IMMUTABLE) | CAP_BIT(CAP_MKNOD) | CAP_BIT(CAP_NET_BIND_SERVICE) |     \
         CAP_BIT(CAP_NET_BROADCAST) | CAP_BIT(CAP_NET_RAW) | CAP_BIT(CAP_SETFCAP) |              \
         CAP_BIT(CAP_SETGID) | CAP_BIT(CAP_SETPCAP) | CAP_BIT(CAP_SETUID) |                      \
         CAP_BIT(CAP_SYS_ADMIN) | CAP_BIT(CAP_SYS_BOOT) | CAP_BIT(CAP_SYS_CHROOT) |              \
         CAP_BIT(CAP_SYS_NICE) | CAP_BIT(CAP_SYS_PTRACE) | CAP_BIT(CAP_SYS_RESOURCE) |           \
         CAP_BIT(CAP_SYS_TTY_CONFIG))

/* "CAP_SYS_ADMIN", "cap_sys_admin", "sys_admin" or "21". Numbers up to 63 are taken even if this
 * build has no name for them: a newer kernel may. -EINVAL for anything else. */
int capability_from_name(const char *name);
/* "CAP_SYS_ADMIN", or NULL if this build has no name for it. */
const char *capability_to_name(int cap);
/* The highest capability that the running kernel knows. */
int capability_last(void);

/* Words separated by white space or commas; "all" is everything the running kernel knows. */
int capability_set_parse(const char *words, CapabilitySet *ret);
/* Names separated by one space, lowest number first; the caller frees it. */
int capability_set_to_string(CapabilitySet set, char **ret);

/* The calling thread's bounding set. */
int capability_bounding_get(CapabilitySet *ret);

/* Leaves the calling thread with bounding = permitted = effective = @bounding, inheritable =
 * ambient = @ambient, and reads everything back. For the child, after it has become root of its
 * user namespace (or has changed to its user under PR_SET_KEEPCAPS) and before exec; CAP_SETPCAP
 * must be permitted. -EINVAL if @ambient is not within @bounding; -EPERM if a wanted capability
 * cannot be had or what the kernel says afterwards differs; then the thread must not go on to exec.
 */
int capability_apply(CapabilitySet bounding, CapabilitySet ambient);

/* The calling thread goes without the use of these for a while; *ret_had are those that it had. */
int capability_suspend(CapabilitySet set, CapabilitySet *ret_had);
void capability_resume(CapabilitySet had);
