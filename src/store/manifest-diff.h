/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What differs between two manifests, path by path. */

#include "store/manifest.h"

typedef enum ChangeKind {
        CHANGE_ADDED,
        CHANGE_REMOVED,
        CHANGE_CONTENT,    /* another kind, content or target */
        CHANGE_ATTRIBUTES, /* mode, owner, extended attributes */
        CHANGE_TIME,       /* nothing but the time */
        _CHANGE_KIND_MAX,
} ChangeKind;

/* @before or @after is NULL for what is only on the other side. Stops at a negative result, which
 * it returns. In manifest order. */
typedef int (*ManifestDiffFunction)(ChangeKind kind, const Entry *before, const Entry *after,
                                    void *userdata);
int manifest_diff(const Manifest *before, const Manifest *after, ManifestDiffFunction function,
                  void *userdata);
