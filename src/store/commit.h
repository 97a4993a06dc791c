/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A commit: one version of a layer, with where it comes from. Text, named by its hash:
 *
 *   stead-commit 1
 *   kind app
 *   tree HASH
 *   parent HASH                     the version before; none: the first
 *   base HASH debian/12/base        what an app was made on, from the lowest; a line for each layer
 *   time 1790000000
 *   label os debian/12              anything worth knowing, by name (sorted)
 *   message WORDS                   escaped as paths of manifests are
 */

#include "base/buffer.h"
#include "base/error.h"
#include "base/string-table.h"
#include "store/hash.h"

typedef enum LayerKind {
        LAYER_BASE,   /* a whole tree */
        LAYER_APP,    /* a difference on top of others */
        LAYER_MERGED, /* made by stead, so that what hides does not break */
        LAYER_STATE,  /* what a machine wrote, all of it */
        _LAYER_KIND_MAX,
        _LAYER_KIND_INVALID = -EINVAL,
} LayerKind;
DECLARE_STRING_TABLE(layer_kind, LayerKind);

typedef struct CommitBase {
        Hash commit;
        char *name;
} CommitBase;

typedef struct CommitLabel {
        char *key, *value;
} CommitLabel;

typedef struct Commit {
        LayerKind kind;
        Hash tree, parent; /* null hash: none */
        CommitBase *bases;
        size_t n_bases;
        CommitLabel *labels;
        size_t n_labels;
        int64_t time; /* seconds since the epoch */
        char *message;
} Commit;

#define COMMIT_NULL ((Commit){})
#define _cleanup_commit_ _cleanup_(commit_done)
void commit_done(Commit *c);
int commit_add_base(Commit *c, const Hash *commit, const char *name);
int commit_set_label(Commit *c, const char *key, const char *value);
const char *commit_label(const Commit *c, const char *key);

int commit_write(const Commit *c, Buffer *out);
/* Anybody may have written it. */
int commit_parse(const char *name, const char *text, size_t size, Commit *ret, Error *error);
