/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The host passes packets on for its machines, and for nobody else.
 *
 * The kernel asks the link that a packet came in by whether it may be passed on. For a machine
 * these are its own link, and the uplinks (uplink.h) by which answers and clients come in.
 * Forwarding is turned on for these alone, not for the host as a whole; it is then possible from
 * one uplink to another, too, which the caller must drop (forwarding_uplinks() tells where).
 *
 * IPv6 knows this per link since Linux 6.17 (force_forwarding). Before, there is only the switch
 * for the whole host. It makes the kernel deaf to router advertisements, and drop the routes that
 * it learned from them, so links that listen (accept_ra=1) are told first to listen as routers, too
 * (accept_ra=2).
 *
 * What was changed is put back when no machine needs it any more; see forwarding-record.h. A family
 * that the host forwards already, as a router or for other managers, is left as it is. */

#include "network/forwarding-record.h"

/* Once for every new host-side link (or bridge of ours) that is there, before packets pass: lets
 * the link forward, lets ports of 127.0.0.1 lead to it, and refuses senders and router
 * advertisements that are not the machine's to send; then plans the same for the host's uplinks of
 * this moment. May be called again at any time, also to find uplinks that came later. What is to be
 * changed there is recorded, and so told by forwarding_uplinks(): once that is dropped, @ret goes
 * to forwarding_make().
 *
 * -EROFS: /proc/sys is read-only here (a container as host) and something in it would have to
 * change; nothing is recorded. Machines then reach what the host lets them: print @error, go on. */
int forwarding_plan(const char *link, ForwardingRecord *ret, Error *error);
/* The changes of a plan. */
int forwarding_make(const ForwardingRecord *plan, Error *error);

/* @link is about to go, or is gone; NULL: only look for links that went without a word. With the
 * last of them, every setting that still has the value that we gave it gets its old one back, but
 * not where somebody turned forwarding on for the whole host since. */
int forwarding_disable(const char *link, Error *error);

/* The links that forward because of us, or will, and are not ours. @family: AF_INET or AF_INET6. 0:
 * exactly the links in *ret, maybe none. 1: every link of the host, and those to come (IPv6 before
 * Linux 6.17); *ret is then NULL. Packets that come in there and do not go out to one of our links
 * are to be dropped. Needs no lock; ask again after forwarding_plan(). The caller frees *ret. */
int forwarding_uplinks(int family, char ***ret, Error *error);
