/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the parts of a check share: first texts (fsck.c), which tell what there should be, then
 * objects (fsck-object.c), then checkouts (fsck-checkout.c). */

#include "store/fsck.h"
#include "store/hash-map.h"
#include "store/object-list.h"

typedef struct FsckTree {
        char *layer;       /* the name whose history it is in, or NULL */
        bool is_good;      /* the manifest can be read */
        size_t n_missing;  /* objects */
        const char *first; /* a path of one that is missing */
} FsckTree;

/* An object that some manifest asks for. */
typedef struct FsckObject {
        Entry entry; /* of the first manifest that does */
        FsckTree *tree;
        bool is_there, is_damaged;
} FsckObject;

typedef struct Fsck {
        Store *store;
        bool repair;
        Progress *progress;
        FsckFunction function;
        void *userdata;
        Error *error;
        Ref *heads; /* all that can be read */
        size_t n_heads;
        HashMap trees;   /* FsckTree, also of those that are missing */
        HashMap objects; /* FsckObject */
        size_t n_left;
} Fsck;

void fsck_report(Fsck *f, bool repaired, const char *format, ...) _printf_(3, 4);
/* An error that tells of us and not of the file: nothing is set aside for it. */
bool fsck_is_passing(int r);
/* Takes (dirfd, name) out of use, for a person to look at: to "damaged/KIND-NAME". Whether that was
 * asked for and done. */
bool fsck_set_aside(Fsck *f, int dirfd, const char *name, const char *kind, const char *id);
/* "of debian/12/base", or what can be said instead. */
const char *fsck_layer(const FsckTree *tree);

int fsck_objects(Fsck *f);
int fsck_checkouts(Fsck *f);
