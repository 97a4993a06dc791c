/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Changing what a machine of layers is to have, and what that would mean. */

#include "cli/layered.h"
#include "stack/drift.h"

#include <jansson.h>

/* A generation of the newest versions of the layers that the definition names, not numbered yet. */
int layered_resolve(Store *store, const Layered *l, Generation *ret, Error *error);
/* What a change from what is in force to @after would do. Changes nothing. */
int layered_look(Store *store, const Layered *l, const Generation *after, Drift *ret, Error *error);
/* A new generation with the layers of an old one, for good reasons: it becomes the wanted one. */
int layered_go_back(Store *store, const Layered *l, unsigned number, Generation *ret, Error *error);
/* Restarts a machine that runs and waits until it is ready: 1. One that does not run is left alone:
 * 0. If it does not become ready, @back (0: nothing) becomes the wanted generation again and it is
 * restarted on that; then it is an error all the same. */
int layered_restart(const char *name, uint64_t timeout_usec, unsigned back, Error *error);

/* [{"name": ..., "version": ...}] */
json_t *layered_layers_json(const Generation *g);
