/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any three texts, merged as any kind of database: the first byte says which, lines of "===" part
 * the texts. Where ours is the base itself, the result is theirs and nothing is in conflict. */

#include "fuzz.h"
#include "stack/alternative.h"
#include "stack/merge-debconf.h"
#include "stack/merge-lines.h"
#include "stack/merge-packages.h"
#include "stack/merge-users.h"

#include <stdlib.h>
#include <string.h>

static char *next_text(char **rest)
{
        char *text = *rest, *end = text ? strstr(text, "===\n") : NULL;

        *rest = end ? end + 4 : NULL;
        if (end)
                *end = '\0';
        return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const TextMerge merges[] = { merge_passwd,       merge_group,       merge_gshadow,
                                     merge_subordinate,  merge_dpkg_status, merge_apt_states,
                                     merge_debconf,      merge_line_set,    merge_word_lines,
                                     merge_statoverride, merge_diversions,  merge_ucf,
                                     merge_alternative };
        _cleanup_free_ char *copy = size > 0 ? strndup((const char *)data + 1, size - 1) : NULL;
        _cleanup_buffer_ Buffer out = BUFFER_NULL, unchanged = BUFFER_NULL;
        _cleanup_merge_notes_ MergeNotes notes = MERGE_NOTES_NULL, none = MERGE_NOTES_NULL;
        char *rest = copy;
        MergeTexts texts;
        TextMerge merge;

        if (!copy)
                return 0;
        merge = merges[data[0] % ELEMENTSOF(merges)];
        texts.base = next_text(&rest);
        texts.ours = next_text(&rest);
        texts.theirs = next_text(&rest);
        (void)merge(&texts, &out, &notes); /* it may refuse */
        texts.ours = texts.base;
        if (merge(&texts, &unchanged, &none) >= 0)
                for (size_t i = 0; i < none.n; i++)
                        if (none.list[i].kind != MERGE_NOTE_CLASH)
                                abort();
        return 0;
}
