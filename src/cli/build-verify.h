/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Running programs from a tree in the making, and watching what they look up. */

#include "image/verification.h"

#include <stdint.h>

typedef struct BuildVerify {
        Verification verification;
        char *const *programs; /* each is run without words of its own, or: */
        char *const *command;  /* this alone; NULL */
        char *const *options;  /* of the launcher */
        uint64_t limit_usec;   /* then they are asked to end: 0 is at once */
        int status;            /* of the first that failed by itself, or 0 */
        char *failed;          /* that one's name */
} BuildVerify;

#define BUILD_VERIFY_NULL ((BuildVerify){ .verification = VERIFICATION_NULL })
#define _cleanup_build_verify_ _cleanup_(build_verify_done)
void build_verify_done(BuildVerify *v);

/* Runs all of them in throw-away copies of the tree at @path. */
int build_verify_run(BuildVerify *v, const char *path, Error *error);
