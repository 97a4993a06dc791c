/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who on a link has an address, told to the kernel before it asks. */

#include "os/address.h"
#include "os/link.h"

/* Packets for @address go to @mac on the link with @index at once. As with anything that the kernel
 * learned some time ago (NUD_STALE), it asks a few seconds later whether that is still so, and who
 * has the address if not. Takes the place of what is known of the address. */
void neighbour_add(NetlinkBatch *b, int index, const IpAddress *address, const MacAddress *mac);
