/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How far a long piece of work is: numbers that the worker counts up and whoever called it shows.
 */

#include <errno.h>
#include <stdint.h>

typedef struct Progress Progress;
struct Progress {
        const char *stage;                /* "Reading", "Downloading", "Checking" */
        uint64_t done_bytes, total_bytes; /* total 0: not known */
        uint64_t done_objects, total_objects;
        uint64_t requests;
        /* Called often; shows at its own rate. Nonzero: stop with -ECANCELED. */
        int (*on_progress)(Progress *p);
        /* The stage ends, the numbers are those of its end; or NULL. */
        void (*on_stage)(Progress *p);
        void *userdata;
};

/* A new stage: the numbers begin anew. NULL is fine. @stage is kept. */
static inline void progress_begin(Progress *p, const char *stage, uint64_t total_bytes,
                                  uint64_t total_objects)
{
        if (!p)
                return;
        if (p->on_stage)
                p->on_stage(p);
        p->stage = stage;
        p->done_bytes = p->done_objects = p->requests = 0;
        p->total_bytes = total_bytes;
        p->total_objects = total_objects;
        if (p->on_progress)
                (void)p->on_progress(p); /* the next step asks again whether to stop */
}

/* NULL is fine. 0 or -ECANCELED. */
static inline int progress_step(Progress *p, uint64_t bytes, uint64_t objects)
{
        if (!p)
                return 0;
        p->done_bytes += bytes;
        p->done_objects += objects;
        return p->on_progress && p->on_progress(p) ? -ECANCELED : 0;
}
