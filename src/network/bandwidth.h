/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* BandwidthMax=: how fast data flows through host0, held at the host's end, where root of the
 * machine cannot reach it. */

#include "network/network.h"

/* Once host0 is there. Where the plan has no limit, one of before is taken away. */
int bandwidth_up(const Network *n, Error *error);
/* Before host0 goes, which takes along what hangs on it. */
void bandwidth_down(const Network *n);
