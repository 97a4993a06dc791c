/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* "Did you mean": which known word a mistyped one is closest to. */

#include <stddef.h>

typedef struct Nearest {
        const char *word; /* what was typed; not owned */
        const char *best; /* the closest candidate yet, or NULL; not owned */
        size_t distance;
} Nearest;

#define NEAREST(w) ((Nearest){ .word = (w) })

/* Offers a candidate. It is taken if it is close enough to be a slip of the hand (a third of its
 * letters, at least one) and closer than those before. NULL is ignored. */
void nearest_offer(Nearest *n, const char *candidate);
