/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A tree of nothing but what a few programs need: their ELF closure, and on request the parts that
 * no ELF file names (name services, certificates, character sets). */

#include "image/closure.h"

typedef struct MinimalRequest {
        char *const *programs; /* paths in the source tree, or names */
        char *const *files;    /* further paths, directories with all in them */
        char *const
                *users; /* whose lines of passwd and group come along, beside root's and nobody's */
        bool nss, certificates, gconv;
} MinimalRequest;

typedef struct Minimal {
        Closure closure;
        char *program; /* where the first one is: what the tree is for */
        char *passwd, *group;
        bool name_services; /* were asked for: something that we do not see through needs them */
        uint64_t bytes;     /* of files */
} Minimal;

#define MINIMAL_NULL ((Minimal){ .closure = CLOSURE_NULL })
#define _cleanup_minimal_ _cleanup_(minimal_done)
void minimal_done(Minimal *m);

/* Finds out what is to come out of @root_fd. -ENOENT with all libraries that are missing. */
int minimal_plan(int root_fd, const MinimalRequest *request, Minimal *ret, Error *error);
/* Makes it in the empty directory @target_fd, with the directories that every machine has. */
int minimal_make(const Minimal *m, int target_fd, Error *error);
/* Gives what was made and not copied a time of its own, always the same: two trees out of the same
 * source are equal. */
int minimal_settle(int target_fd, Error *error);
