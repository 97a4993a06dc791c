/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who needs what of the store: every generation of every machine, the stacks in force, and what a
 * rollback would go back to. For a garbage collection it is gathered while the store is open for
 * removing, so that no machine gets another one meanwhile. */

#include "base/error.h"
#include "store/hash.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct LayerUse {
        char *machine;
        unsigned generation; /* 0: the stack in force, or a record of an earlier one */
        bool current;        /* that is wanted or in force, not one of before */
        Hash commit, tree;   /* null hash: has none */
        char *name;          /* of the layer, without a version; "-" for generated ones */
} LayerUse;

typedef struct Roots {
        LayerUse *uses;
        size_t n, allocated;
} Roots;

#define ROOTS_NULL ((Roots){})
#define _cleanup_roots_ _cleanup_(roots_done)
void roots_done(Roots *r);

/* A machine whose files cannot be read is an error: nobody knows what it needs. */
int roots_collect(Roots *ret, Error *error);
/* Commits and trees, for gc_run(). The caller frees them. */
int roots_hashes(const Roots *r, Hash **ret, size_t *ret_n);
/* Machines that use a layer, each once; @current: those that are to run on it now. */
int roots_users(const Roots *r, const char *layer, bool current, char ***ret);
