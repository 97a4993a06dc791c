/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A process of our own that works while we go on: the `stead` program, or a function in a copy of
 * us for what a machine could make us wait for (its files may lie on anything). What it writes is
 * collected; its end is told by a callback of the event loop. Freeing does not end it. */

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

/* What is kept of each stream; the rest is read and thrown away. */
#define CHILD_OUTPUT_MAX (1024U * 1024U)
#define CHILD_ERRORS_MAX (16U * 1024U)

typedef struct Child Child;

typedef struct ChildEnd {
        int status; /* as a shell has it: 128 + n for signal n */
        bool timed_out;
        bool output_cut;
        const char *output, *errors; /* never NULL */
} ChildEnd;

typedef void (*ChildHandler)(Child *child, const ChildEnd *end, void *userdata);
/* Runs in the child, with nothing open but standard output, which is collected; its return value is
 * the exit status. */
typedef int (*ChildFunction)(const void *argument);

#define _cleanup_child_ _cleanup_(child_freep)
/* @timeout_usec: SIGKILL after that; USEC_INFINITY: never. */
int child_run_program(sd_event *event, char *const *argv, uint64_t timeout_usec,
                      ChildHandler handler, void *userdata, Child **ret, Error *error);
int child_run_function(sd_event *event, ChildFunction function, const void *argument,
                       uint64_t timeout_usec, ChildHandler handler, void *userdata, Child **ret,
                       Error *error);
Child *child_free(Child *c);
DEFINE_CLEANUP(Child, child_free)

int child_signal(Child *c, int signal);

/* Sets @error from the words on standard error of one of our programs, without its name and with
 * its hint as the hint. */
int child_error(const ChildEnd *end, int number, Error *error);

/* Lets this process have more files open than is usual; what it starts gets what is. */
void child_raise_file_limit(void);

/* For a fresh fork: default signals, and nothing open but standard error and @fds, which become 3,
 * 4, ... in this order. 0 and 1 are /dev/null. */
void child_clean_up(const int *fds, size_t n_fds);
