/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* config.dat, templates.dat and passwords.dat. The latter's values are never quoted in a note. */

#include "stack/merge-debconf.h"

#include "stack/stanza.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static int split_names(const char *text, MergeRecords *ret)
{
        return stanza_split(text, "Name", NULL, ret);
}

/* A record's field as a copy, with @name's fields that only one side has as "". */
static int value_of(const MergeRecord *record, const char *name, bool *ret_has, char **ret)
{
        StanzaField field = {};

        *ret_has = record && stanza_find(record->text, record->size, name, &field);
        *ret = strndup(*ret_has ? field.value : "", field.value_size);
        return *ret ? 0 : -ENOMEM;
}

static void write_field(Buffer *out, const char *name, bool has, const char *value)
{
        if (has)
                buffer_printf(out, "%s:%s%s\n", name, *value == '\n' ? "" : " ", value);
}

/* Returns 1 if it is in conflict; then it is ours. */
static int merge_field(const MergeTriple *t, const char *name, Buffer *out)
{
        _cleanup_free_ char *base = NULL, *ours = NULL, *theirs = NULL;
        bool has_base, has_ours, has_theirs, base_is_ours, base_is_theirs;
        int r = value_of(t->base, name, &has_base, &base);

        if (r >= 0)
                r = value_of(t->ours, name, &has_ours, &ours);
        if (r >= 0)
                r = value_of(t->theirs, name, &has_theirs, &theirs);
        if (r < 0)
                return r;
        if (strcasecmp(name, "Owners") == 0 || strcasecmp(name, "Flags") == 0) {
                _cleanup_buffer_ Buffer words = BUFFER_NULL;

                r = merge_word_sets(&(MergeTexts){ base, ours, theirs }, ", ", ", ", &words);
                if (r >= 0)
                        write_field(out, name, words.size > 0, words.data);
                return r < 0 ? r : buffer_error(&words);
        }
        base_is_ours = has_base == has_ours && strcmp(base, ours) == 0;
        base_is_theirs = has_base == has_theirs && strcmp(base, theirs) == 0;
        if (base_is_ours)
                write_field(out, name, has_theirs, theirs);
        else
                write_field(out, name, has_ours, ours);
        return !base_is_ours && !base_is_theirs &&
               (has_ours != has_theirs || strcmp(ours, theirs) != 0);
}

/* The fields of @record that are not in @seen. Returns 1 if one of them is in conflict. */
static int merge_fields_of(const MergeTriple *t, const MergeRecord *record, const MergeRecord *seen,
                           Buffer *out)
{
        const char *at = record->text, *end = at + record->size;
        StanzaField field, unused;
        int conflict = 0;

        while (stanza_next_field(&at, end, &field)) {
                _cleanup_free_ char *name = strndup(field.name, field.name_size);
                int r;

                if (!name)
                        return -ENOMEM;
                if (seen && stanza_find(seen->text, seen->size, name, &unused))
                        continue;
                r = merge_field(t, name, out);
                if (r < 0)
                        return r;
                conflict |= r;
        }
        return conflict;
}

static int resolve_question(const MergeTriple *t, Buffer *out, MergeNotes *notes)
{
        int ours, theirs;

        if (!t->ours || !t->theirs) {
                /* Removed on one side, changed on the other: debconf can live with one too many. */
                merge_write_record(out, t->ours ?: t->theirs);
                return 0;
        }
        theirs = merge_fields_of(t, t->theirs, NULL, out);
        if (theirs < 0)
                return theirs;
        ours = merge_fields_of(t, t->ours, t->theirs, out);
        if (ours < 0)
                return ours;
        return ours || theirs
                       ? merge_note(notes, MERGE_NOTE_CONFLICT, t->key, "answered on both sides")
                       : 0;
}

int merge_debconf(const MergeTexts *texts, Buffer *out, MergeNotes *notes)
{
        static const MergeFormat format = {
                .split = split_names,
                .resolve = resolve_question,
                .after = "\n",
        };

        return merge_records(&format, texts, out, notes);
}
