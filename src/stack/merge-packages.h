/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Databases of packages, by stanza (Package and Architecture). */

#include "stack/text-merge.h"

/* /var/lib/dpkg/status. A package whose version ours left alone is theirs, with ours' wish to hold
 * or remove it. One that ours brought to a version of its own stays ours, since its files hide
 * theirs; where that version is lower, it is noted as pinned. */
int merge_dpkg_status(const MergeTexts *texts, Buffer *out, MergeNotes *notes);
/* status-old and available: the same, but nobody depends on them, so that nothing is noted. */
int merge_dpkg_copy(const MergeTexts *texts, Buffer *out, MergeNotes *notes);
/* apt's extended_states: what was installed by itself. */
int merge_apt_states(const MergeTexts *texts, Buffer *out, MergeNotes *notes);
