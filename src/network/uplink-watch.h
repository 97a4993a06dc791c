/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Says when the host may have got an uplink that it had not: a tunnel, a modem, a lease on another
 * network card. */

#include "os/address.h"

/* A socket that is readable when a link of the host gets an address of more than link scope. Not
 * told are @own4 and @own6 (AF_UNSPEC: none), which are given to the link of every machine: on a
 * host with hundreds of them nobody wakes up when one starts. */
int uplink_watch_open(const IpAddress *own4, const IpAddress *own6);
/* Forgets what was told so far. */
void uplink_watch_drain(int fd);
