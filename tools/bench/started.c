/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * started: a static first process that says when it ran: CLOCK_MONOTONIC in nanoseconds, on
 * standard output. Whoever started the machine compares that with its own clock, so that the end of
 * the machine is no part of the figure.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(void)
{
        struct timespec t;

        if (clock_gettime(CLOCK_MONOTONIC, &t) < 0)
                return EXIT_FAILURE;
        printf("%llu\n",
               (unsigned long long)t.tv_sec * 1000000000U + (unsigned long long)t.tv_nsec);
        return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
