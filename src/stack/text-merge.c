/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The three-way merge of records. */

#include "stack/text-merge.h"

#include "base/strv.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define NOTE_TEXT_MAX 60 /* of a version in a note */

void merge_notes_done(MergeNotes *notes)
{
        for (size_t i = 0; i < notes->n; i++) {
                free(notes->list[i].key);
                free(notes->list[i].text);
        }
        free(notes->list);
        *notes = MERGE_NOTES_NULL;
}

int merge_note(MergeNotes *notes, MergeNoteKind kind, const char *key, const char *format, ...)
{
        _cleanup_free_ char *copy = strdup(key), *text = NULL;
        MergeNote *grown;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&text, format, ap);
        va_end(ap);
        if (n < 0)
                text = NULL;
        grown = reallocarray(notes->list, notes->n + 1, sizeof(*grown));
        if (grown)
                notes->list = grown;
        if (!grown || !copy || !text)
                return -ENOMEM;
        notes->list[notes->n++] = (MergeNote){
                .kind = kind,
                .key = TAKE_PTR(copy),
                .text = TAKE_PTR(text),
        };
        return 0;
}

#define _cleanup_records_ _cleanup_(records_done)
static void records_done(MergeRecords *r)
{
        for (size_t i = 0; i < r->n; i++)
                free(r->list[i].key);
        free(r->list);
        free(r->index);
        *r = MERGE_RECORDS_NULL;
}

int merge_records_add_consume(MergeRecords *r, char *key, const char *text, size_t size)
{
        if (!key)
                return -ENOMEM;
        if (r->n == r->allocated) {
                size_t want = MAX_OF(r->allocated * 2, (size_t)64);
                MergeRecord *grown = reallocarray(r->list, want, sizeof(*grown));

                if (!grown) {
                        free(key);
                        return -ENOMEM;
                }
                r->list = grown;
                r->allocated = want;
        }
        r->list[r->n++] = (MergeRecord){ .key = key, .text = text, .size = size };
        return 0;
}

/* Records lie in one array, so that their addresses are their order. */
static int compare_place(const void *a, const void *b)
{
        const MergeRecord *x = *(MergeRecord *const *)a, *y = *(MergeRecord *const *)b;
        int r = strcmp(x->key, y->key);

        return r != 0 ? r : (x > y) - (x < y);
}

static int compare_key(const void *key, const void *member)
{
        return strcmp(key, (*(MergeRecord *const *)member)->key);
}

/* The second "user" becomes "user\1#2": no key that is read holds that, and the order stays. */
static int tell_apart(MergeRecords *r)
{
        for (size_t i = 0, j; i < r->n; i = j)
                for (j = i + 1; j < r->n && strcmp(r->index[i]->key, r->index[j]->key) == 0; j++) {
                        char *key;

                        if (asprintf(&key, "%s\001#%06zu", r->index[j]->key, j - i + 1) < 0)
                                return -ENOMEM;
                        free(r->index[j]->key);
                        r->index[j]->key = key;
                }
        return 0;
}

/* After the last one. Equal keys are told apart by their order. */
static int records_finish(MergeRecords *r)
{
        free(r->index);
        r->index = reallocarray(NULL, r->n + 1, sizeof(MergeRecord *));
        if (!r->index)
                return -ENOMEM;
        for (size_t i = 0; i < r->n; i++)
                r->index[i] = r->list + i;
        qsort(r->index, r->n, sizeof(MergeRecord *), compare_place);
        return tell_apart(r);
}

static const MergeRecord *records_find(const MergeRecords *r, const char *key)
{
        MergeRecord **found =
                r->n > 0 ? bsearch(key, r->index, r->n, sizeof(MergeRecord *), compare_key) : NULL;

        return found ? *found : NULL;
}

static size_t trimmed_size(const MergeRecord *r)
{
        size_t size = r->size;

        while (size > 0 && r->text[size - 1] == '\n')
                size--;
        return size;
}

static bool record_equal(const MergeRecord *a, const MergeRecord *b)
{
        size_t size;

        if (!a || !b)
                return a == b;
        size = trimmed_size(a);
        return size == trimmed_size(b) && memcmp(a->text, b->text, size) == 0;
}

void merge_write_record(Buffer *out, const MergeRecord *record)
{
        buffer_append(out, record->text, trimmed_size(record));
        buffer_puts(out, "\n");
}

/* The first line, cut off where it gets long. */
static void write_short(Buffer *out, const MergeRecord *r)
{
        size_t size;

        if (!r) {
                buffer_puts(out, "removed");
                return;
        }
        size = MIN_OF(strcspn(r->text, "\n"), r->size);
        buffer_printf(out, "'%.*s%s'", (int)MIN_OF(size, (size_t)NOTE_TEXT_MAX), r->text,
                      size > NOTE_TEXT_MAX ? "..." : "");
}

int merge_keep_ours(const MergeTriple *t, Buffer *out, MergeNotes *notes)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;

        if (t->ours)
                merge_write_record(out, t->ours);
        write_short(&text, t->ours);
        buffer_puts(&text, " here, ");
        write_short(&text, t->theirs);
        buffer_puts(&text, " below");
        if (buffer_error(&text) < 0)
                return -ENOMEM;
        return merge_note(notes, MERGE_NOTE_CONFLICT, t->key, "%s", text.data);
}

static int merge_one(const MergeFormat *format, const MergeTriple *t, Buffer *out,
                     MergeNotes *notes)
{
        const MergeRecord *winner;
        size_t before = out->size;
        int r = 0;

        if (record_equal(t->ours, t->theirs) || record_equal(t->base, t->theirs))
                winner = t->ours;
        else if (record_equal(t->base, t->ours))
                winner = t->theirs;
        else {
                r = format->resolve ? format->resolve(t, out, notes)
                                    : merge_keep_ours(t, out, notes);
                winner = NULL;
        }
        if (winner)
                merge_write_record(out, winner);
        if (r >= 0 && format->after && out->size > before)
                buffer_puts(out, format->after);
        return r;
}

static int split(const MergeFormat *format, const char *text, MergeRecords *ret)
{
        int r = text ? format->split(text, ret) : 0;

        return r < 0 ? r : records_finish(ret);
}

int merge_records(const MergeFormat *format, const MergeTexts *texts, Buffer *out,
                  MergeNotes *notes)
{
        _cleanup_records_ MergeRecords base = MERGE_RECORDS_NULL, ours = MERGE_RECORDS_NULL,
                                       theirs = MERGE_RECORDS_NULL;
        int r = split(format, texts->base, &base);

        if (r >= 0)
                r = split(format, texts->ours, &ours);
        if (r >= 0)
                r = split(format, texts->theirs, &theirs);
        for (size_t i = 0; r >= 0 && i < theirs.n; i++) {
                const char *key = theirs.list[i].key;

                r = merge_one(format,
                              &(MergeTriple){ key, records_find(&base, key),
                                              records_find(&ours, key), theirs.list + i },
                              out, notes);
        }
        for (size_t i = 0; r >= 0 && i < ours.n; i++) {
                const char *key = ours.list[i].key;

                if (!records_find(&theirs, key))
                        r = merge_one(format,
                                      &(MergeTriple){ key, records_find(&base, key), ours.list + i,
                                                      NULL },
                                      out, notes);
        }
        return r < 0 ? r : buffer_error(out);
}

size_t merge_next_line(const char **text, const char **ret_line)
{
        size_t size = strcspn(*text, "\n");

        *ret_line = *text;
        *text += size + ((*text)[size] == '\n');
        return size;
}

/* Whether a word is in the merged set. */
static bool survives(const char *word, char *const *base, char *const *ours, char *const *theirs)
{
        if (strv_contains(base, word))
                return strv_contains(ours, word) && strv_contains(theirs, word);
        return true;
}

int merge_word_sets(const MergeTexts *texts, const char *separators, const char *glue, Buffer *out)
{
        _cleanup_strv_ char **base = NULL, **ours = NULL, **theirs = NULL, **merged = NULL;
        _cleanup_free_ char *joined = NULL;
        int r = strv_split(texts->base ?: "", separators, &base);

        if (r >= 0)
                r = strv_split(texts->ours ?: "", separators, &ours);
        if (r >= 0)
                r = strv_split(texts->theirs ?: "", separators, &theirs);
        STRV_FOREACH (word, theirs)
                if (r >= 0 && survives(*word, base, ours, theirs))
                        r = strv_push(&merged, *word);
        STRV_FOREACH (word, ours)
                if (r >= 0 && !strv_contains(merged, *word) && survives(*word, base, ours, theirs))
                        r = strv_push(&merged, *word);
        if (r < 0)
                return r;
        joined = strv_join(merged, glue);
        if (!joined)
                return -ENOMEM;
        buffer_puts(out, joined);
        return 0;
}
