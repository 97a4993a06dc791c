/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stack/merge.h"
void drift_done(Drift *d) { *d = DRIFT_NULL; }
void merge_result_done(MergeResult *r);
void merge_result_done(MergeResult *r) { manifest_done(&r->generated); *r = MERGE_RESULT_NULL; }
int merge_stack(const MergeRequest *request, MergeResult *ret, Error *error) { *ret = MERGE_RESULT_NULL; return 0; }
DEFINE_STRING_TABLE(drift_kind, DriftKind, "conflict", "pinned", "merged", "regenerated", "identical", "stamp", "ours");
