/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Running another program to its end, and reading what it says. */

#include <stddef.h>

typedef struct ProgramRun {
        int program_fd; /* what to run, or < 0: argv[0], looked for in the usual directories */
        char *const *argv;
        const int *keep; /* descriptors that it gets under the same numbers */
        size_t n_keep;
} ProgramRun;

/* *ret_status is that of waitpid(). *ret_words may be NULL. -ENOENT: there is no such program. */
int program_run(const ProgramRun *run, int *ret_status, char **ret_words);
