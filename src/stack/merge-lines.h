/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Files of lines, or of few lines a record, whose order does not matter much. */

#include "stack/text-merge.h"

/* A set of lines: /etc/shells, dpkg's triggers/File and the like. Never a conflict. */
int merge_line_set(const MergeTexts *texts, Buffer *out, MergeNotes *notes);
/* A line for each first word, the others a set: dpkg's triggers/Unincorp. Never a conflict. */
int merge_word_lines(const MergeTexts *texts, Buffer *out, MergeNotes *notes);
/* dpkg's statoverride, "USER GROUP MODE PATH", by path. */
int merge_statoverride(const MergeTexts *texts, Buffer *out, MergeNotes *notes);
/* dpkg's diversions, three lines each (file, where to, whose), by file. */
int merge_diversions(const MergeTexts *texts, Buffer *out, MergeNotes *notes);
/* ucf's hashfile, "MD5  PATH", and registry, "PACKAGE PATH": by path. */
int merge_ucf(const MergeTexts *texts, Buffer *out, MergeNotes *notes);
