/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Publishing the addresses and ports of a machine or pod. */

#include "network/network.h"

/* Writes @n's file into @dirfd, see published_open_directory(). With @check -EADDRINUSE: somebody
 * who lives has one of its ports; from machines and pods that were killed it is taken. For
 * stead-firewall afterwards. */
int network_publish(const Network *n, int dirfd, bool check, Error *error);
