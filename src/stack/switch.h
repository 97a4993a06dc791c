/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Bringing a machine that does not run onto the generation it is to run: checkouts, the generated
 * layer, the edits of its state. Killed at any moment, it is done again from the start or finished
 * by the next one: the machine has its old stack or its new one. */

#include "stack/merge.h"
#include "store/progress.h"

/* Makes the stack of @machine ready for these layers: adds a generation if the definition names
 * others than the wanted one has, and switches if the wanted one is not in force. The state must be
 * locked by the caller. @ret_drift: or NULL. If the new stack cannot be made, the old one stays in
 * force and the error says so. */
int switch_make_ready(Store *store, const char *machine, char *const *layers, int state_fd,
                      Progress *progress, Drift *ret_drift, Error *error);

/* Finishes a switch that was interrupted; 0 if there was none. */
int switch_recover(int state_fd, Error *error);
