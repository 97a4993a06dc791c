/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a minimal tree lacks, found out while its programs run: paths that are looked up in vain
 * there, and are in the tree that it was taken from. Knows nothing of how the programs are run. */

#include "image/lookup.h"
#include "image/minimal.h"

typedef struct Miss {
        char *path; /* as it was asked for */
        char *process;
        const char *call; /* the first */
        unsigned times;
        char *option; /* of `stead build elf`, which brings it */
} Miss;

typedef struct Verification {
        int source_fd;                 /* of the tree that everything was taken from; borrowed */
        const MinimalRequest *request; /* borrowed */
        char *const *without;          /* paths that may be missing, and what is below; borrowed */
        Miss *misses;                  /* in the order in which they were missed first */
        size_t n;
        unsigned long looked_up; /* paths, so far */
        bool asked_accounts;     /* who is who */
        bool locale;             /* it is not there; not counted as a miss */
} Verification;

#define VERIFICATION_NULL ((Verification){ .source_fd = -EBADF })
#define _cleanup_verification_ _cleanup_(verification_done)
void verification_done(Verification *v);

/* @machine_fd: the root of the machine in which a process asks. */
int verification_look(Verification *v, int machine_fd, const Lookup *l);
/* Fills in the options. */
int verification_explain(Verification *v, Error *error);
