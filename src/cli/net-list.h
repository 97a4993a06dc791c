/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Links, addresses, ports and traffic of machines as a table. */

#include "base/error.h"
#include "machine/machine.h"
#include "network/published.h"

#include <stdbool.h>

int net_list(char *const *names, bool json, Error *error);

/* How @m is connected: "host" (the host's network), "veth", "bridge", "zone", "private" (nothing
 * but lo, or links that were given to it); which links of the host's lead to it (one, or none), and
 * what leads to it from the host's ports, in words of options such as "udp:127.0.0.1:53:5353". What
 * there is no memory for is left out. */
void net_describe(const Machine *m, const char **ret_mode, char ***ret_links, char ***ret_ports);
