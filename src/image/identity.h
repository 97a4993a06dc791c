/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who a tree is: machine id, host name, keys. A copy that keeps them would be the other's twin. */

#include "base/error.h"

/* Gives the tree its own: an empty machine-id (to be filled at the first boot), @name as host name
 * and in /etc/hosts (NULL: no name, for a tree that becomes many machines), no ssh host keys (and a
 * way to make new ones), no random seed or credential secret, no resolv.conf that is the host's.
 * Paths are resolved within the tree. */
int identity_reset(int tree_fd, const char *name, Error *error);
