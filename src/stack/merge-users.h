/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The databases of users: a line for each name, with fields between colons. Where both sides
 * changed a line, each field is merged on its own, and members of groups as a set. Two names that
 * got one number on different sides are a clash, which is noted and left: files of both have that
 * number. */

#include "stack/text-merge.h"

int merge_passwd(const MergeTexts *texts, Buffer *out, MergeNotes *notes);
int merge_group(const MergeTexts *texts, Buffer *out, MergeNotes *notes);
/* Their notes never quote a line. */
int merge_shadow(const MergeTexts *texts, Buffer *out, MergeNotes *notes);
int merge_gshadow(const MergeTexts *texts, Buffer *out, MergeNotes *notes);
/* subuid and subgid: ranges that overlap are a clash. */
int merge_subordinate(const MergeTexts *texts, Buffer *out, MergeNotes *notes);
