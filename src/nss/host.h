/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A machine or pod of this host as a name with addresses, from what its launcher publishes. It is
 * there as long as its link is: a file may be of a launcher that was killed. Runs in whatever
 * program asks for a name, hence needs no privilege, changes nothing and prints nothing. */

#include "network/published.h"

/* "web" or "web.stead.internal". -ENOENT: there is none, or it has no address yet. */
int host_find(const char *name, Published *ret);
/* The one that has the address. -ENOENT: none. */
int host_find_address(const IpAddress *address, Published *ret);
