/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A machine of layers as the verbs see it: what its definition names, what it has and is to have,
 * and where its state is. Changes nothing but the definition. */

#include "stack/stack.h"
#include "store/store.h"

typedef struct Layered {
        char *name;
        char **layers; /* of the definition, from the lowest */
        int state_fd;
        Generation wanted; /* number 0: there is none yet */
        Stack stack;       /* in force; generation 0: none */
} Layered;

#define LAYERED_NULL ((Layered){ .state_fd = -EBADF })
#define _cleanup_layered_ _cleanup_(layered_done)
void layered_done(Layered *l);
/* -ENXIO: the machine is not made of layers, with a hint. */
int layered_open(const char *name, Layered *ret, Error *error);

/* The layers of a definition: *ret NULL if there is none or it names none. */
int layered_names(const char *name, char ***ret, Error *error);
/* The tree or disk image that a definition names instead: *ret NULL if there is none. */
int layered_other_root(const char *name, char **ret, Error *error);
/* Makes the definition name these: in its own file where that is one line, else by a drop-in. The
 * old text or the new survives a power cut. */
int layered_set_names(const char *name, char *const *layers, Error *error);
/* All machines that are made of layers and have been made. */
int layered_list(char ***ret, Error *error);

/* "debian/12/base@01234567" */
int layered_version(const StackLayer *layer, char **ret);
/* Directories to look files up in, of a whole stack: checkouts from the top. -EBADF ends the list.
 * Those that are missing are made. */
int layered_open_lowers(Store *store, const StackLayer *lowers, size_t n, int **ret, Error *error);
void layered_close_lowers(int *fds);
/* The directory of upper/ of a state that is no image; -EBADF if it is, or has none yet. */
int layered_open_upper(const Layered *l, const char *path);
