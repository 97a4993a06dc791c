/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The drift report: what in the layers above a base, and in the machine's own state, hides files
 * that a new base brings, and what stead does about each. */

#include "base/error.h"
#include "base/string-table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the order in which they matter to a reader. */
typedef enum DriftKind {
        DRIFT_CONFLICT, /* changed on both sides and not to be merged: ours is kept */
        DRIFT_PINNED,   /* a program, library or other file of a package that the new base replaces:
                           ours hides it */
        DRIFT_MERGED,   /* changed on both sides, merged line by line or stanza by stanza */
        DRIFT_REGENERATED, /* made anew from the new stack: ld.so.cache */
        DRIFT_IDENTICAL,   /* a copy of what the old base had: dropped */
        DRIFT_STAMP, /* .updated: removed, so that the machine's first start brings itself up to
                        date */
        DRIFT_OURS,  /* changed by us only; the base's file is the same as before */
        _DRIFT_KIND_MAX,
        _DRIFT_KIND_INVALID = -EINVAL,
} DriftKind;
DECLARE_STRING_TABLE(drift_kind, DriftKind);

typedef struct DriftItem {
        DriftKind kind;
        char *path;
        char *layer;   /* whose copy hides it: a layer's name, or NULL: the machine's own state */
        char *package; /* that owns the path, or NULL */
        char *detail;  /* "uid 101 is both haproxy and redis", "3 conflicting stanzas"; or NULL */
} DriftItem;

void drift_item_done(DriftItem *i);

typedef enum PackageChangeKind {
        PACKAGE_UPGRADED,
        PACKAGE_DOWNGRADED,
        PACKAGE_ADDED,
        PACKAGE_REMOVED,
} PackageChangeKind;

typedef struct PackageChange {
        PackageChangeKind kind;
        char *name, *before, *after; /* versions; NULL where there is none */
        bool security; /* the new version comes from a security archive, as far as known */
} PackageChange;

typedef struct Drift {
        DriftItem *items; /* sorted by kind, then path */
        size_t n_items;
        PackageChange *packages; /* as dpkg in the machine sees them, sorted by name */
        size_t n_packages;
        char **warnings; /* clashes of users, missing libraries, layers made on an older base */
} Drift;

#define DRIFT_NULL ((Drift){})
#define _cleanup_drift_ _cleanup_(drift_done)
void drift_done(Drift *d);
