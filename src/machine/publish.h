/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Publishing the addresses and ports of a machine or pod. */

#include "network/network.h"

/* network_acquire(), once more without the addresses of machines and pods that were killed, where
 * the pool has no other. */
int network_acquire_anew(const NetworkPlan *plan, const char *name, const HostSettings *settings,
                         Network *ret, Error *error);

/* Writes @n's file into @dirfd, see published_open_directory(). With @check -EADDRINUSE: somebody
 * who lives has one of its ports; from machines and pods that were killed it is taken. For
 * stead-firewall afterwards. */
int network_publish(const Network *n, int dirfd, bool check, Error *error);
