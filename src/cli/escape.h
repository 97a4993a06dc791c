/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The way out of a terminal session: ^] three times within one second, as in other machine
 * managers. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Escape {
        unsigned count;
        uint64_t first_usec;
} Escape;

/* Looks at typed bytes. True when the third ^] is among them; *ret_size is how many bytes come
 * before it and are still to be sent on. */
bool escape_feed(Escape *e, const char *data, size_t size, uint64_t now_usec, size_t *ret_size);
