/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Addresses, and the names in in-addr.arpa (RFC 1035, 3.5) and ip6.arpa (RFC 3596, 2.5) that stand
 * for them in questions. */

#include "os/address.h"

/* The address that @name (lower case, no dot at the end) stands for. -EINVAL if it is none, also if
 * it only stands for a part of one. */
int dns_reverse_parse(const char *name, IpAddress *ret);
