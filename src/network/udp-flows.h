/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Flows of UDP that the kernel knows. It asks the table once for each flow, and one without an end
 * lasts as long as its client sends: one that began while nobody had published its port, or while
 * another machine had, would never reach who has it now. TCP needs none of this: its clients are
 * refused, and connect anew. */

#include "network/published.h"

/* Makes the kernel ask anew about flows to the UDP ports of @items: those that do not lead to them
 * (@published), or those that do, for whoever has the ports next. Best effort: a kernel without
 * nf_conntrack_netlink keeps its flows. */
void udp_flows_forget(const Published *items, size_t n, bool published);
