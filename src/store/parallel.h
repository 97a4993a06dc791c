/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The same work on many things by as many threads as there are processors. */

#include <stddef.h>

/* Called once for each number below @n, by several threads at a time. Negative: stop. */
typedef int (*ParallelWork)(size_t i, void *userdata);

unsigned parallel_threads(void);
/* The first negative result, or 0 when all is done. */
int parallel_run(size_t n, ParallelWork work, void *userdata);
