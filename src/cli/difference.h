/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What of a running machine is not as its definition says, key by key, and how it could become so.
 * One row is one value; items of lists have rows of their own. */

#include "cli/comparison.h"

typedef struct Difference {
        const char *section;
        char *key;
        char *declared, *running; /* NULL: not said, not there */
        char *origin;             /* of what is declared, else of what runs; may be NULL */
        OptionApply how;
        const Option *option; /* one of these two, or of another section none */
        const ResourceKey *resource;
} Difference;

typedef struct Differences {
        Difference *items;
        size_t n;
} Differences;

#define DIFFERENCES_NULL ((Differences){})
#define _cleanup_differences_ _cleanup_(differences_done)
void differences_done(Differences *d);
int differences_find(const Comparison *c, Differences *ret, Error *error);

/* Where a mount comes from that `stead apply` has made while the machine ran: this and the file. */
#define DIFFERENCE_APPLIED "apply:"

/* What a row shows instead of a secret, and for nothing. */
const char *difference_text(const Difference *d, const char *value);

/* For difference*.c: adds a row with copies. */
int differences_add(Differences *d, const Difference *row);
int differences_add_limits(const Comparison *c, Differences *d, Error *error);
