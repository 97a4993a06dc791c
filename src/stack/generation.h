/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The generations of a machine made of layers: which versions of them it ran on, runs on, and is to
 * run on next. All of it is in the machine's own directory, for root alone:
 *
 *   /var/lib/stead/machines/NAME/
 *     generations/N    one file each, never changed; the last GENERATION_KEEP are kept
 *     wanted           the number of the one that the next start is to use
 *     stack            what is in force: see stack.h; written last by a switch
 *     upper/, work/    what the machine wrote (state), as an overlay's upper layer: owners 0-based
 *     saved/N/         what the switch to generation N took out of upper/, for a way back
 *     try/             upper and work of `stead try`
 *     switch/          a switch in the making, see switch.h; journal: one that is under way
 *     state.img        where DiskMax= is kept by a file system of its own: upper, work, saved, try,
 *                      switch and journal are in that, and its root is the *data directory*;
 *                      otherwise that is the machine's directory itself
 *     lock             flock: exclusive by whoever works on upper/, the launcher or a switch
 *
 *   stead-generation 1
 *   time 1790000000
 *   reason update
 *   layer COMMIT TREE debian/12/base      from the lowest; the name as the definition says it
 *
 * Needs no libcrypto: the launcher reads this. */

#include "base/error.h"
#include "store/hash.h"

#include <stdbool.h>
#include <stddef.h>

#define STATE_DIRECTORY "/var/lib/stead/machines"
#define GENERATION_KEEP 10

typedef struct StackLayer {
        Hash commit, tree;
        char *name; /* "debian/12/base", "site/web@0123abcd" */
} StackLayer;

void stack_layer_done(StackLayer *l);
/* @commit: NULL where it does not matter. */
int stack_layer_append(StackLayer **layers, size_t *n, const char *name, const Hash *commit,
                       const Hash *tree);

typedef struct Generation {
        unsigned number; /* from 1 */
        int64_t time;
        char *reason; /* "create", "update", "rollback to 3", "definition" */
        StackLayer *layers;
        size_t n_layers;
} Generation;

#define GENERATION_NULL ((Generation){})
#define _cleanup_generation_ _cleanup_(generation_done)
void generation_done(Generation *g);
int generation_add_layer(Generation *g, const char *name, const Hash *commit, const Hash *tree);
/* Whether the layers are named by these words, in this order. */
bool generation_has_names(const Generation *g, char *const *names);
/* Whether the layers are the same ones in the same versions. */
bool generation_is_same(const Generation *a, const Generation *b);

/* O_DIRECTORY of the machine's own directory; -ENOENT: it has none. $STEAD_STATE overrides
 * STATE_DIRECTORY, for tests. */
int generation_open_state(const char *machine, bool make, int *ret_fd, Error *error);
/* The machine's lock, see above. -EBUSY with a hint if it runs. */
int generation_lock_state(int state_fd, const char *machine, bool wait, int *ret_fd, Error *error);

/* Removes what killed writers have left beside a file of a directory, ".FILE.PID.tmp". Whoever
 * calls it keeps other writers away. @file "*": beside any. */
void generation_sweep(int dirfd, const char *directory, const char *file);

/* Gives it the next number, writes it, makes it the wanted one. Removes what is older than is kept.
 */
int generation_add(int state_fd, Generation *g, Error *error);
/* 0: there is none yet. */
int generation_wanted(int state_fd, unsigned *ret, Error *error);
int generation_load(int state_fd, unsigned number, Generation *ret, Error *error);
/* All, oldest first. One that is younger than the wanted one is being made, or who made it was
 * killed. */
int generation_list(int state_fd, Generation **ret, size_t *ret_n, Error *error);
void generation_list_free(Generation *list, size_t n);
