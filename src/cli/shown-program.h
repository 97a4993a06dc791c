/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A long-running program whose output is the user's to watch. It ends with us: asked when we are
 * interrupted, and also when we are killed. */

#include "base/error.h"

#include <stdbool.h>

#define SHOWN_LINES 10

typedef struct ShownProgram {
        char *const *argv;
        bool quiet;                   /* its output is only kept */
        char lines[SHOWN_LINES][400]; /* the last ones, in a ring */
        unsigned n_lines;
        int status; /* as a shell tells it: 128 and more is a signal; 127: no such program */
} ShownProgram;

/* 0 when it has ended by itself, whatever its status; -ECANCELED after SIGINT, SIGTERM or SIGHUP,
 * which stay blocked from then on. */
int shown_program_run(ShownProgram *p, Error *error);
/* The last lines, indented for an error. The caller frees it; NULL on out of memory. */
char *shown_program_last(const ShownProgram *p);
