/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Monotonic time. */

#include "os/clock.h"

#include "base/parse.h"

#include <time.h>

uint64_t clock_now_usec(void)
{
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail */
        return (uint64_t)t.tv_sec * USEC_PER_SEC + (uint64_t)t.tv_nsec / 1000;
}
