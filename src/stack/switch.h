/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Bringing a machine that does not run onto the generation it is to run: checkouts, the generated
 * layer, the edits of its state. Killed at any moment, it is done again from the start or finished
 * by the next one: the machine has its old stack or its new one.
 *
 *   before         `switch/` of the data directory is filled, `stack` is the old one: whoever comes
 *                  next throws `switch/` away and begins anew
 *   the journal    is on disk: from now on it is the new one, and whoever comes next goes on
 *   renames        old files of upper/ go to `saved/N/`, new ones come from `switch/`
 *   stack          is written
 *   the journal    becomes `saved/N/record`
 *
 * As long as `stack` is not written it names another generation than the wanted one, so that
 * nobody starts on what is between. */

#include "stack/merge.h"
#include "stack/stack.h"
#include "store/progress.h"

/* The two directories, see generation.h. The state must be locked by the caller. */
typedef struct SwitchPlace {
        const char *machine;
        int state_fd;
        int data_fd; /* may be the same */
} SwitchPlace;

/* Makes the stack of the machine ready for these layers: adds a generation if the definition names
 * others than the wanted one has, and switches if the wanted one is not in force. @ret_drift: or
 * NULL. If the new stack cannot be made, the old one stays in force and the error says so; it may
 * be unusable, too: see switch_is_usable(). */
int switch_make_ready(Store *store, const SwitchPlace *place, char *const *layers,
                      Progress *progress, Drift *ret_drift, Error *error);

/* Finishes a switch that was interrupted; 0 if there was none. */
int switch_recover(const SwitchPlace *place, Error *error);

/* Whether the stack in force can be started on, whatever is wanted: its checkouts are there (made
 * if need be) and no switch is half done. */
bool switch_is_usable(Store *store, const SwitchPlace *place);

/* Whether the store still holds all of it; -ENOENT names what is missing and how to get it. */
int switch_check_trees(const Store *store, const Generation *g, Error *error);

/* What a generation of these layers consists of: the newest version of each, or, if @keep is given
 * and names the layer in the same words, that one's. */
int switch_resolve(const Store *store, char *const *layers, const Generation *keep, Generation *ret,
                   Error *error);
