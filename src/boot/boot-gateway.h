/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The gateway's addresses at the host's end of a machine's link, where we put them. Others take
 * them away: systemd-networkd, when it is restarted on the bridge of a zone, or started after
 * machines. */

#include <stdint.h>

typedef struct Boot Boot;

/* Once per start, when the machine runs; where there is nothing to look after it opens nothing.
 * Returns as boot_gateway_update() does. */
uint64_t boot_gateway_watch(Boot *b);
/* When the watch is readable; boot_gateway_update() is then due within a moment. */
void boot_gateway_drain(Boot *b);
/* Puts back what is missing. Returns after how many microseconds it wants to be called again,
 * USEC_INFINITY: when there is something new. */
uint64_t boot_gateway_update(Boot *b);
