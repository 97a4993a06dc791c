/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the root of a machine is made of: layers of the store, a disk image, or else a plain tree.
 * The one place that knows all three; found, made ready and locked before anything is planned on
 * it. A plain tree is only locked when it is acted on, since it can be looked at without. */

#include "config/settings.h"
#include "image/disk-root.h"
#include "image/layer-root.h"

#include <sys/stat.h>

typedef struct RootSource {
        LayerRoot *layers; /* at most one of the two */
        DiskRoot *disk;
} RootSource;

#define ROOT_SOURCE_NULL ((RootSource){})
#define _cleanup_root_source_ _cleanup_(root_source_done)

/* Finds the tree or image of the machine's name if none is named, and makes a missing tree from its
 * template. For a dry run nothing is made or locked. */
int root_source_open(Settings *settings, RootSource *ret, Error *error);
void root_source_done(RootSource *source);

/* Of layers or a disk image, what is in the finished root: opened anew. */
int root_source_view(const RootSource *source, struct stat *ret_st, Error *error);
/* When there is nothing to plan any more. */
void root_source_end_view(const RootSource *source);

/* What is said of a tree may tell to look into it by a path, which nobody can with a disk image. */
void root_source_fit_hint(const RootSource *source, Error *error);

/* Names the machine that runs on that tree or image, if it is one of ours: its name, or NULL. */
char *root_source_user(const char *path);
