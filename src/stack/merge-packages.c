/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dpkg's status and its likes. */

#include "stack/merge-packages.h"

#include "stack/debian-version.h"
#include "stack/stanza.h"

#include <errno.h>
#include <string.h>

static int split_packages(const char *text, MergeRecords *ret)
{
        return stanza_split(text, "Package", "Architecture", ret);
}

static char *field_of(const MergeRecord *record, const char *name)
{
        return record ? stanza_value(record->text, record->size, name) : NULL;
}

/* Theirs' stanza, but where ours wants something else of the package ("hold", "deinstall": the
 * first word of Status), with that wish. */
static void write_theirs(const MergeTriple *t, Buffer *out)
{
        StanzaField base, ours, theirs;
        const MergeRecord *record = t->theirs;
        const char *rest, *end = record->text + record->size;
        size_t wish;

        if (!stanza_find(t->base->text, t->base->size, "Status", &base) ||
            !stanza_find(t->ours->text, t->ours->size, "Status", &ours) ||
            !stanza_find(record->text, record->size, "Status", &theirs)) {
                merge_write_record(out, record);
                return;
        }
        wish = MIN_OF(strcspn(ours.value, " \n"), ours.value_size);
        if (wish == strcspn(base.value, " \n") && memcmp(base.value, ours.value, wish) == 0) {
                merge_write_record(out, record);
                return;
        }
        buffer_append(out, record->text, (size_t)(theirs.value - record->text));
        buffer_append(out, ours.value, wish);
        rest = theirs.value + MIN_OF(strcspn(theirs.value, " \n"), theirs.value_size);
        buffer_append(out, rest, (size_t)(end - rest));
        buffer_puts(out, "\n");
}

static int note_package(const MergeTriple *t, const char *ours, const char *theirs,
                        MergeNotes *notes)
{
        if (!t->ours || !t->theirs)
                return merge_note(notes, MERGE_NOTE_CONFLICT, t->key, "%s here, %s below",
                                  t->ours ? ours ?: "no version" : "removed",
                                  t->theirs ? theirs ?: "no version" : "removed");
        if (debian_version_compare(ours, theirs) < 0)
                return merge_note(notes, MERGE_NOTE_PINNED, t->key, "%s here, %s below",
                                  ours ?: "no version", theirs);
        return 0; /* ours is as new or newer, and its files are what is seen */
}

static int resolve_status(const MergeTriple *t, Buffer *out, MergeNotes *notes)
{
        _cleanup_free_ char *base = field_of(t->base, "Version"),
                            *ours = field_of(t->ours, "Version"),
                            *theirs = field_of(t->theirs, "Version");

        if (t->base && t->ours && t->theirs && debian_version_compare(base, ours) == 0) {
                write_theirs(t, out);
                return 0;
        }
        if (t->ours)
                merge_write_record(out, t->ours);
        return note_package(t, ours, theirs, notes);
}

int merge_dpkg_status(const MergeTexts *texts, Buffer *out, MergeNotes *notes)
{
        static const MergeFormat format = {
                .split = split_packages,
                .resolve = resolve_status,
                .after = "\n",
        };

        return merge_records(&format, texts, out, notes);
}

int merge_dpkg_copy(const MergeTexts *texts, Buffer *out, MergeNotes *notes)
{
        _cleanup_merge_notes_ MergeNotes unused = MERGE_NOTES_NULL;

        return merge_dpkg_status(texts, out, &unused);
}

/* "1" stays if one side says so: what neither wants by hand may go. */
static int resolve_states(const MergeTriple *t, Buffer *out, MergeNotes *notes)
{
        const MergeRecord *kept = t->ours ?: t->theirs;

        if (kept)
                merge_write_record(out, kept);
        return 0;
}

int merge_apt_states(const MergeTexts *texts, Buffer *out, MergeNotes *notes)
{
        static const MergeFormat format = {
                .split = split_packages,
                .resolve = resolve_states,
                .after = "\n",
        };

        return merge_records(&format, texts, out, notes);
}
