/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a published directory holds, all plain files for any web server. Only refs ever change; all
 * else is named by what it is, or made from that.
 *
 *   refs/NAME.ref               signed; everything below is trusted by its hash, from here on
 *   refs.list                   names of all refs, a line each
 *   commits/HASH                a commit and some of those before it, the newest first
 *   trees/HASH.zst              a manifest
 *   trees/OLD-NEW.zst           the same as a patch of another one
 *   deltas/OLD-NEW              what NEW has and OLD has not, as patches: delta.h
 *   packs/HASH                  which packs hold the contents of this tree: pack.h
 *   packs/HASH.pack             many contents in one stream; named by the file's own hash
 *   contents/ab/cdef....zst     a content by itself
 */

#include "store/hash.h"

#include <limits.h>

/* Bounds of what the signed ref does not tell the size of. */
#define SITE_REF_MAX (16U * 1024)
#define SITE_LIST_MAX (4U << 20)
#define SITE_COMMITS_MAX (4U << 20)
#define SITE_MANIFEST_MAX (UINT64_C(256) << 20)
#define SITE_COMMITS_EACH 50 /* in one file */

typedef struct SitePath {
        char path[NAME_MAX + 1];
} SitePath;

SitePath site_ref(const char *name);
#define SITE_LIST "refs.list"
SitePath site_commit(const Hash *commit);
SitePath site_tree(const Hash *tree);
SitePath site_tree_patch(const Hash *old_tree, const Hash *new_tree);
SitePath site_delta(const Hash *old_tree, const Hash *new_tree);
SitePath site_packs(const Hash *tree);
SitePath site_pack(const Hash *pack);
SitePath site_content(const Hash *content);
