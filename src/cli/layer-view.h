/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Layers of the store as the verbs show them: the newest version of each name, who uses it, and
 * what it takes of the disk. */

#include "stack/roots.h"
#include "store/store.h"

#include <jansson.h>

typedef struct LayerView {
        Ref ref;
        Commit commit;
        bool is_known;  /* the commit can be read */
        bool is_whole;  /* the manifest, too, and the sizes are known */
        uint64_t own;   /* bytes of contents that no other layer's newest version has */
        uint64_t bytes; /* of all of it */
        char **users;   /* machines whose definition names it, or that have it now */
} LayerView;

typedef struct LayerViews {
        LayerView *items; /* sorted by name */
        size_t n;
} LayerViews;

#define LAYER_VIEWS_NULL ((LayerViews){})
#define _cleanup_layer_views_ _cleanup_(layer_views_done)
void layer_views_done(LayerViews *v);

/* Names and versions. One that is damaged is in the list all the same, as not known. */
int layer_views_load(const Store *store, LayerViews *ret, Error *error);
/* The sizes of all, since what is shared depends on the others. Reads every manifest. */
int layer_views_measure(const Store *store, LayerViews *v, Error *error);
/* Who uses them. What cannot be found out is said on standard error, and left out. */
int layer_views_find_users(LayerViews *v, Error *error);

/* Machines that have any version of a layer in a generation, or whose definition names it. */
int layer_users(const Roots *roots, const char *layer, bool current, char ***ret, Error *error);

/* The first digits of a version, enough for NAME@DIGITS. */
#define LAYER_VERSION_DIGITS 12
typedef struct LayerVersionText {
        char text[LAYER_VERSION_DIGITS + 1];
} LayerVersionText;
LayerVersionText layer_version_text(const Hash *commit);
/* All 64 digits, or null for none. A new reference. */
json_t *layer_hash_json(const Hash *hash);
json_t *layer_strings_json(char *const *strings);
