/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* debconf's databases: stanzas by Name. Where both sides changed one, each field is merged on its
 * own, and Owners and Flags as sets. */

#include "stack/text-merge.h"

int merge_debconf(const MergeTexts *texts, Buffer *out, MergeNotes *notes);
