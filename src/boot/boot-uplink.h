/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Uplinks that the host gets while a machine runs: a tunnel, another network card. Where the host
 * forwards for machines alone, its answers would be dropped there. */

typedef struct Boot Boot;

/* Once per start, when the machine runs; where nobody has to look it opens nothing. */
void boot_uplink_watch(Boot *b);
/* When the watch is readable; boot_uplink_update() is then due within a moment. */
void boot_uplink_drain(Boot *b);
void boot_uplink_update(Boot *b);
