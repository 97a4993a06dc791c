/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How fast data may flow into a machine and out of it (BandwidthMax=). Rates are bits per second to
 * the base of 1000, as in systemd.network(5) and tc(8). */

#include "base/buffer.h"
#include "base/error.h"

#include <stdint.h>

typedef struct BandwidthSetting {
        uint64_t in, out; /* bits per second, to and from the machine; 0: no limit */
} BandwidthSetting;

/* "100M" for both directions, or "in:100M out:20M", or one of those two. Reason only. */
int bandwidth_setting_parse(const char *text, BandwidthSetting *ret, Error *error);
/* Appends the shortest text for it; nothing if there is no limit. */
void bandwidth_setting_format(const BandwidthSetting *b, Buffer *out);
