/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which paths of a tree are merged, and how. */

#include "stack/text-merge.h"

typedef struct MergeRule {
        const char *pattern; /* fnmatch(3); '*' also takes slashes */
        TextMerge merge;
        const char *what; /* for people: "packages", "users" */
        bool backup;      /* an older copy that a program keeps: nothing is said about it */
} MergeRule;

/* NULL: ours hides theirs. */
const MergeRule *merge_rule_find(const char *path);
