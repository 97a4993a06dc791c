/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the root of a machine of layers is made from: the checkouts of its stack, and the directory
 * where it writes. Found, made ready and locked before anything is planned, and held for the
 * machine's life: a garbage collection leaves checkouts that are in use, and a switch to other
 * versions leaves the state of a machine that runs. Knows nothing of user ranges. */

#include "base/error.h"
#include "image/state-disk.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

typedef struct LayerRoot {
        char *machine;
        char **names; /* of the layers, as the definition has them, lowest first */
        char *store;
        char *checkouts; /* its directory that they are in */
        char *state;     /* the machine's own directory */
        int state_fd, lock_fd;
        unsigned generation;
        char **trees; /* file names in @checkouts, lowest first; one more than names if there is a
                         generated layer */
        int *fds;     /* of them, each with a shared lock */
        size_t n;
        int view_fd; /* see layer_root_view() */
        StateDisk disk;
        bool is_try;
        char *below; /* of a try: what the machine has written, one layer more; or NULL */
} LayerRoot;

/* What is there for @machine. The stack is brought up to date first if it must be (stead-switch);
 * with @look_only nothing is changed or locked, and it must have been made already. @disk_max: of
 * the settings. */
int layer_root_open(const char *machine, char *const *layers, uint64_t disk_max, bool look_only,
                    LayerRoot **ret, Error *error);
/* For a try (`stead try`): the layers in force, whatever is wanted, whether the machine runs or
 * not; its data directory is try/ of the machine's own. */
int layer_root_open_try(const char *machine, LayerRoot **ret, Error *error);
LayerRoot *layer_root_free(LayerRoot *l);
DEFINE_CLEANUP(LayerRoot, layer_root_free)
#define _cleanup_layer_root_ _cleanup_(layer_root_freep)

/* Before the next start of a machine that runs on: takes what has come to be wanted meanwhile. On
 * failure it is as it was. */
int layer_root_refresh(LayerRoot *l, Error *error);

/* The whole tree to look at, read-only, with owners as on disk: a detached mount, or the only
 * layer. Borrowed. Its end takes the kernel some milliseconds, so it is for a time when nobody
 * waits. */
int layer_root_view(LayerRoot *l, Error *error);
void layer_root_end_view(LayerRoot *l);

/* The checkout of layer @i below @dirfd, a view of the directory of checkouts: the very one that is
 * locked. O_PATH. */
int layer_root_open_layer(const LayerRoot *l, size_t i, int dirfd, Error *error);

/* Makes upper/ and work/ if they are missing: of root, with the mode that the layers' root has. */
int layer_root_make_upper(const LayerRoot *l, Error *error);
