/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Making a running machine what its definition says, as far as that goes without a restart. Each
 * function does all rows of its kind; what is done is noted in c->running. */

#include "cli/difference.h"

/* Limits, and what is for systemd to read: of those rows that are OPTION_APPLY_LIVE. */
int apply_limits(Comparison *c, const Differences *d, Error *error);
/* One row of an option that is OPTION_APPLY_LIVE. */
int apply_live(Comparison *c, const Difference *d, Error *error);
/* All rows that are OPTION_APPLY_RELOAD: tells the machine's own systemd. */
int apply_reload(Comparison *c, const Differences *d, Error *error);
