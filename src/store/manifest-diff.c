/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/manifest-diff.h"

#include <string.h>

/* 1 with the kind, 0 if nothing differs. */
static int compare(const Entry *a, const Entry *b, ChangeKind *ret)
{
        if (entry_equal(a, b, false))
                return 0;
        if (a->kind != b->kind || a->size != b->size || !hash_equal(&a->content, &b->content) ||
            a->device != b->device || strcmp(a->target ?: "", b->target ?: "") != 0)
                *ret = CHANGE_CONTENT;
        else
                *ret = entry_equal(a, b, true) ? CHANGE_TIME : CHANGE_ATTRIBUTES;
        return 1;
}

int manifest_diff(const Manifest *before, const Manifest *after, ManifestDiffFunction function,
                  void *userdata)
{
        size_t i = 0, j = 0;
        int r = 0;

        while (r >= 0 && (i < before->n || j < after->n)) {
                const Entry *a = i < before->n ? &before->entries[i] : NULL;
                const Entry *b = j < after->n ? &after->entries[j] : NULL;
                int order = !a ? 1 : !b ? -1 : entry_path_compare(a->path, b->path);
                ChangeKind kind;

                if (order < 0)
                        r = function(CHANGE_REMOVED, a, NULL, userdata);
                else if (order > 0)
                        r = function(CHANGE_ADDED, NULL, b, userdata);
                else if (compare(a, b, &kind))
                        r = function(kind, a, b, userdata);
                i += order <= 0;
                j += order >= 0;
        }
        return r < 0 ? r : 0;
}
