/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a machine is told about a network that is set from outside, as files: for libc, and for the
 * programs inside that would otherwise wait for a DHCP server. Each is NULL when there is nothing
 * to tell; the caller frees it. -ENOMEM only. */

#include "network/network.h"

/* How our resolv.conf begins, and nobody else's. */
#define GUEST_CONFIG_MARK "# Written by stead for this start"

/* resolv.conf(5) */
int network_resolv_conf(const Network *n, char **ret);
/* systemd.network(5), with exactly the addresses and routes that are there */
int network_networkd_file(const Network *n, char **ret);
/* The same for a member of a pod, whose links are not its own to manage. */
int network_unmanaged_file(const Network *n, char **ret);
/* systemd.unit(5), for what waits for networkd to have brought up a link of its own there. */
int network_online_file(const Network *n, char **ret);
/* resolved.conf(5) */
int network_resolved_file(const Network *n, char **ret);
