/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Addresses of a machine on a host where systemd-networkd gives them: they are known only when they
 * are there, may change, and where nothing inside asks for one, the machine is given one. */

#include "base/error.h"

#include <stdint.h>

typedef struct Boot Boot;

/* For each start, as soon as host0 is there. */
int boot_address_start(Boot *b, int netns_fd, Error *error);
/* Before PID 1 runs: one that will not ask for an address shall find one when it starts. */
void boot_address_settle(Boot *b);
void boot_address_end(Boot *b);

/* When a watch is readable; boot_address_update() is then due within a moment. */
void boot_address_drain(Boot *b);
/* Publishes what has changed. Returns after how many microseconds it wants to be called again,
 * USEC_INFINITY: when there is something new. */
uint64_t boot_address_update(Boot *b);
