/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* passwd, group, shadow, gshadow, subuid and subgid. */

#include "stack/merge-users.h"

#include "base/parse.h"

#include <errno.h>
#include <string.h>

#define FIELDS_MAX 12

static int split_lines(const char *text, MergeRecords *ret)
{
        while (*text) {
                const char *line;
                size_t size = merge_next_line(&text, &line);
                int r;

                if (size == 0)
                        continue;
                r = merge_records_add_consume(
                        ret, strndup(line, MIN_OF(strcspn(line, ":\n"), size)), line, size);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* One line, torn into fields. */
typedef struct Fields {
        char *copy;
        const char *list[FIELDS_MAX];
        size_t n;
} Fields;

static void fields_done(Fields *f)
{
        free(f->copy);
}

static int fields_split(const MergeRecord *record, Fields *ret)
{
        char *rest;

        if (!record)
                return 0;
        ret->copy = strndup(record->text, strcspn(record->text, "\n"));
        if (!ret->copy)
                return -ENOMEM;
        rest = ret->copy;
        while (rest && ret->n < FIELDS_MAX)
                ret->list[ret->n++] = strsep(&rest, ":");
        return rest ? -EBADMSG : 0;
}

/* Each field on its own. Returns 1 if one of them is in conflict; then it is ours. */
static int merge_fields(const Fields *base, const Fields *ours, const Fields *theirs, unsigned sets,
                        Buffer *out)
{
        int conflict = 0;

        for (size_t i = 0; i < ours->n; i++) {
                const char *b = i < base->n ? base->list[i] : "", *o = ours->list[i],
                           *t = i < theirs->n ? theirs->list[i] : "";
                int r = 0;

                if (i > 0)
                        buffer_puts(out, ":");
                if (sets & (1U << i))
                        r = merge_word_sets(&(MergeTexts){ b, o, t }, ",", ",", out);
                else if (strcmp(b, o) == 0)
                        buffer_puts(out, t);
                else
                        buffer_puts(out, o);
                if (r < 0)
                        return r;
                if (!(sets & (1U << i)) && strcmp(b, o) != 0 && strcmp(b, t) != 0 &&
                    strcmp(o, t) != 0)
                        conflict = 1;
        }
        buffer_puts(out, "\n");
        return conflict;
}

/* @sets: bits of the fields that are lists of names. @secret: notes quote nothing. */
static int resolve_line(const MergeTriple *t, unsigned sets, bool secret, Buffer *out,
                        MergeNotes *notes)
{
        _cleanup_(fields_done) Fields base = {}, ours = {}, theirs = {};
        _cleanup_buffer_ Buffer line = BUFFER_NULL, unused = BUFFER_NULL;
        int r;

        if (t->ours && t->theirs) {
                r = fields_split(t->base, &base);
                if (r >= 0)
                        r = fields_split(t->ours, &ours);
                if (r >= 0)
                        r = fields_split(t->theirs, &theirs);
                if (r >= 0)
                        r = merge_fields(&base, &ours, &theirs, sets, &line);
                if (r < 0)
                        return r;
                buffer_append(out, line.data, line.size);
                if (r == 0)
                        return buffer_error(&line);
        } else if (t->ours) {
                merge_write_record(out, t->ours);
        }
        if (secret)
                return merge_note(notes, MERGE_NOTE_CONFLICT, t->key, "changed on both sides");
        return merge_keep_ours(t, &unused, notes);
}

static int resolve_passwd(const MergeTriple *t, Buffer *out, MergeNotes *notes)
{
        return resolve_line(t, 0, false, out, notes);
}

static int resolve_group(const MergeTriple *t, Buffer *out, MergeNotes *notes)
{
        return resolve_line(t, 1U << 3, false, out, notes);
}

static int resolve_shadow(const MergeTriple *t, Buffer *out, MergeNotes *notes)
{
        return resolve_line(t, 0, true, out, notes);
}

static int resolve_gshadow(const MergeTriple *t, Buffer *out, MergeNotes *notes)
{
        return resolve_line(t, 1U << 2 | 1U << 3, true, out, notes);
}

/* A name with the numbers that it has. */
typedef struct Owner {
        char *name;
        uint64_t first, end; /* behind the last */
} Owner;

typedef struct Owners {
        Owner *list;
        size_t n;
} Owners;

static void owners_done(Owners *o)
{
        for (size_t i = 0; i < o->n; i++)
                free(o->list[i].name);
        free(o->list);
}

/* @range: "name:first:count", else the number is the third field. Lines without one do not count.
 */
static int owners_read(const char *text, bool range, Owners *ret)
{
        while (text && *text) {
                _cleanup_(fields_done) Fields fields = {};
                uint64_t first, count = 1;
                const char *line;
                size_t size = merge_next_line(&text, &line);
                Owner *grown;
                int r = fields_split(&(MergeRecord){ .text = line, .size = size }, &fields);

                if (r == -ENOMEM)
                        return r;
                if (r < 0 || fields.n < 3 || parse_uint64(fields.list[range ? 1 : 2], &first) < 0 ||
                    (range && parse_uint64(fields.list[2], &count) < 0))
                        continue;
                grown = reallocarray(ret->list, ret->n + 1, sizeof(*grown));
                if (!grown)
                        return -ENOMEM;
                ret->list = grown;
                ret->list[ret->n] = (Owner){
                        .name = strdup(fields.list[0]),
                        .first = first,
                        .end = first + MIN_OF(count, UINT64_MAX - first),
                };
                if (!ret->list[ret->n].name)
                        return -ENOMEM;
                ret->n++;
        }
        return 0;
}

static int compare_owner(const void *a, const void *b)
{
        const Owner *x = a, *y = b;
        int r = (x->first > y->first) - (x->first < y->first);

        return r != 0 ? r : strcmp(x->name, y->name);
}

static bool owners_have(const Owners *owners, const Owner *wanted)
{
        for (size_t i = 0; i < owners->n; i++)
                if (owners->list[i].first == wanted->first && owners->list[i].end == wanted->end &&
                    strcmp(owners->list[i].name, wanted->name) == 0)
                        return true;
        return false;
}

/* Notes what clashes in the merged text but does in neither side alone, where it was meant. */
static int note_clashes(const MergeTexts *texts, const char *merged, bool range, MergeNotes *notes)
{
        _cleanup_(owners_done) Owners all = {}, ours = {}, theirs = {};
        int r = owners_read(merged, range, &all);

        if (r >= 0)
                r = owners_read(texts->ours, range, &ours);
        if (r >= 0)
                r = owners_read(texts->theirs, range, &theirs);
        if (r < 0)
                return r;
        if (all.n > 0)
                qsort(all.list, all.n, sizeof(Owner), compare_owner);
        for (size_t i = 1; i < all.n; i++) {
                const Owner *a = all.list + i - 1, *b = all.list + i;

                if (b->first >= a->end || strcmp(a->name, b->name) == 0 ||
                    (owners_have(&ours, a) && owners_have(&ours, b)) ||
                    (owners_have(&theirs, a) && owners_have(&theirs, b)))
                        continue;
                r = merge_note(notes, MERGE_NOTE_CLASH, b->name, "%ju is both %s and %s",
                               (uintmax_t)b->first, a->name, b->name);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int merge_numbered(const MergeFormat *format, const MergeTexts *texts, bool range,
                          Buffer *out, MergeNotes *notes)
{
        _cleanup_buffer_ Buffer merged = BUFFER_NULL;
        int r = merge_records(format, texts, &merged, notes);

        if (r >= 0)
                r = note_clashes(texts, merged.data, range, notes);
        if (r >= 0)
                buffer_append(out, merged.data, merged.size);
        return r;
}

int merge_passwd(const MergeTexts *texts, Buffer *out, MergeNotes *notes)
{
        static const MergeFormat format = { .split = split_lines, .resolve = resolve_passwd };

        return merge_numbered(&format, texts, false, out, notes);
}

int merge_group(const MergeTexts *texts, Buffer *out, MergeNotes *notes)
{
        static const MergeFormat format = { .split = split_lines, .resolve = resolve_group };

        return merge_numbered(&format, texts, false, out, notes);
}

int merge_shadow(const MergeTexts *texts, Buffer *out, MergeNotes *notes)
{
        static const MergeFormat format = { .split = split_lines, .resolve = resolve_shadow };

        return merge_records(&format, texts, out, notes);
}

int merge_gshadow(const MergeTexts *texts, Buffer *out, MergeNotes *notes)
{
        static const MergeFormat format = { .split = split_lines, .resolve = resolve_gshadow };

        return merge_records(&format, texts, out, notes);
}

int merge_subordinate(const MergeTexts *texts, Buffer *out, MergeNotes *notes)
{
        static const MergeFormat format = { .split = split_lines };

        return merge_numbered(&format, texts, true, out, notes);
}
