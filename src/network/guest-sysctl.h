/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Settings of a machine's own network namespace that programs in it count on. */

#include "base/error.h"

/* To be called before PID 1 runs, by a thread that is in the machine's network namespace and, if it
 * has one, in its user namespace; on a /proc/sys that can be written to. Lets every group of the
 * machine open ping sockets (net.ipv4.ping_group_range, for IPv6, too), so that ping works for
 * users and without capabilities.
 *
 * net.ipv4.ip_unprivileged_port_start stays 1024: root of the machine has CAP_NET_BIND_SERVICE over
 * a namespace that was made in its user namespace and binds low ports by that, while a service
 * that dropped the capability is kept from them as on any host.
 *
 * -EROFS with @error: /proc/sys cannot be written to; ping is then left to root. */
int network_guest_sysctls(Error *error);
