/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The try of a machine of layers: try/ of its directory, with an upper layer, a working directory,
 * and the number of the generation that it was begun on. */

#include "cli/layered.h"

/* Where Debian's packages look; what comes there is ours and nobody's change. */
#define LAYERED_TRY_POLICY "/usr/sbin/policy-rc.d"

typedef struct LayeredTry {
        int fd; /* of try/ */
        char *path;
        Generation generation;
} LayeredTry;

#define LAYERED_TRY_NULL ((LayeredTry){ .fd = -EBADF })
#define _cleanup_layered_try_ _cleanup_(layered_try_done)
void layered_try_done(LayeredTry *t);

/* Begins one, or goes on with the one that there is. -ESTALE: that was begun on other layers than
 * those in force. */
int layered_try_begin(const Layered *l, LayeredTry *ret, Error *error);
/* -ENOENT: nothing has been tried. */
int layered_try_open(const Layered *l, LayeredTry *ret, Error *error);
/* -EBUSY: something is being tried just now. */
int layered_try_lock(const LayeredTry *t, const Layered *l, int *ret_fd, Error *error);
/* Removes what we put there for the command. */
void layered_try_tidy(const LayeredTry *t);
/* -EBUSY: something is being tried just now. */
int layered_try_remove(const Layered *l, Error *error);
