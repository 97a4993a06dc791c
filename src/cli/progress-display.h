/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How far a long piece of work is, for whoever waits for it, on standard error: a line of the
 * terminal that is drawn over and over, a line a stage where there is no terminal, or one JSON
 * object a line for programs. */

#include "store/progress.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum ProgressStyle {
        PROGRESS_TERMINAL, /* one line, gone at the end */
        PROGRESS_LINES,    /* one line for each stage that took half a second or more */
        PROGRESS_EVENTS,   /* JSON */
        PROGRESS_SILENT,
} ProgressStyle;

typedef struct ProgressDisplay {
        Progress progress; /* for the worker: &display.progress */
        ProgressStyle style;
        const char *stage; /* the one that is shown */
        uint64_t stage_usec, shown_usec;
        bool drawn; /* there is something on the terminal's line */
} ProgressDisplay;

/* @json: events, else what suits standard error. The display must stay where it is. */
void progress_display_init(ProgressDisplay *d, bool json, bool quiet);
/* Leaves the terminal's line empty, for something else to be printed meanwhile. */
void progress_display_clear(ProgressDisplay *d);
/* Ends the last stage and leaves the terminal's line empty; before anything else is printed.
 * Idempotent. */
void progress_display_end(ProgressDisplay *d);
#define _cleanup_progress_display_ _cleanup_(progress_display_end)

/* The line of a terminal, for its width: "Downloading  12.0M of 48.0M  25%  4.0M/s". */
void progress_display_line(const Progress *p, uint64_t usec, char *line, size_t size);
