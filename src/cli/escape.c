/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counting ^]. */

#include "cli/escape.h"

#include "base/parse.h"

#define ESCAPE_KEY 0x1d /* ^] */
#define ESCAPE_TIMES 3

bool escape_feed(Escape *e, const char *data, size_t size, uint64_t now_usec, size_t *ret_size)
{
        *ret_size = size;
        for (size_t i = 0; i < size; i++) {
                if (data[i] != ESCAPE_KEY) {
                        e->count = 0;
                        continue;
                }
                if (e->count == 0 || now_usec - e->first_usec > USEC_PER_SEC) {
                        e->count = 0;
                        e->first_usec = now_usec;
                }
                if (++e->count == ESCAPE_TIMES) {
                        *ret_size = i;
                        return true;
                }
        }
        return false;
}
