/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The host's own links through which packets for a machine may come in: answers to what it sent,
 * and connections to its ports.
 *
 * One is every link, up or not yet, that is not lo and not ours and that either has an address of
 * more than link scope, or that a route of any table leads to beyond the link itself (a default
 * route, or a route through a gateway; the address may then be elsewhere, as with unnumbered BGP or
 * PPP). Ours are those named by the caller, and all that are called as CI-180 has it: ve-*, vb-*,
 * vz-*.
 *
 * Links that get their address later are found the next time somebody looks (uplink-watch.h). */

#include "base/error.h"

/* @family: AF_INET or AF_INET6. @ours: names that are no uplinks. Names are in no order, without
 * repetition. Dumps the routes of the family, which takes a second per million of them. */
int uplink_list(int family, char *const *ours, char ***ret, Error *error);
