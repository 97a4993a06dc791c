/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/parallel.h"

#include "base/cleanup.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define THREADS_MAX 8U /* each has some megabytes of tables */

typedef struct Parallel {
        size_t n;
        ParallelWork work;
        void *userdata;
        atomic_size_t next;
        atomic_int result;
} Parallel;

unsigned parallel_threads(void)
{
        cpu_set_t set;
        int n = sched_getaffinity(0, sizeof(set), &set) < 0 ? 1 : CPU_COUNT(&set);

        return n < 1 ? 1 : MIN_OF((unsigned)n, THREADS_MAX);
}

static void *run(void *userdata)
{
        Parallel *p = userdata;
        size_t i;

        while (atomic_load(&p->result) >= 0 && (i = atomic_fetch_add(&p->next, 1)) < p->n) {
                int none = 0, r = p->work(i, p->userdata);

                if (r < 0)
                        (void)atomic_compare_exchange_strong(&p->result, &none, r);
        }
        return NULL;
}

int parallel_run(size_t n, ParallelWork work, void *userdata)
{
        Parallel p = { .n = n, .work = work, .userdata = userdata };
        unsigned wanted = (unsigned)MIN_OF((size_t)parallel_threads(), n), started = 0;
        pthread_t threads[THREADS_MAX];

        while (started + 1 < wanted &&
               pthread_create(&threads[started], NULL, run, &p) == 0) /* fewer is slower, no more */
                started++;
        (void)run(&p);
        while (started > 0)
                (void)pthread_join(threads[--started], NULL);
        return atomic_load(&p.result);
}
