/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Three-way merges of texts that are lists of records with a key each: lines of a database,
 * stanzas, groups of lines. Pure functions of three texts; where they are from is not known here.
 *
 * A record that one side alone changed, added or removed is taken from that side. One that both
 * sides changed differently goes to the format's own rule, and where that finds none, ours is kept
 * and noted. */

#include "base/buffer.h"

typedef struct MergeTexts {
        /* NULL: there is no such file, which is the same as an empty one */
        const char *base;   /* what ours was made from */
        const char *ours;   /* what hides */
        const char *theirs; /* what is hidden */
} MergeTexts;

typedef enum MergeNoteKind {
        MERGE_NOTE_CONFLICT, /* both sides changed it: ours is kept */
        MERGE_NOTE_PINNED,   /* a package that ours has in an older version than theirs */
        MERGE_NOTE_CLASH,    /* one number for two names */
} MergeNoteKind;

typedef struct MergeNote {
        MergeNoteKind kind;
        char *key;  /* the record */
        char *text; /* both versions in short, or what clashes */
} MergeNote;

typedef struct MergeNotes {
        MergeNote *list;
        size_t n;
} MergeNotes;

#define MERGE_NOTES_NULL ((MergeNotes){})
#define _cleanup_merge_notes_ _cleanup_(merge_notes_done)
void merge_notes_done(MergeNotes *notes);
int merge_note(MergeNotes *notes, MergeNoteKind kind, const char *key, const char *format, ...)
        _printf_(4, 5);

/* Appends the merged text. 0, -ENOMEM, or -EBADMSG: one of the texts is not of this form. */
typedef int (*TextMerge)(const MergeTexts *texts, Buffer *out, MergeNotes *notes);

/* What a text falls into. */
typedef struct MergeRecord {
        char *key;        /* unique within the text */
        const char *text; /* a slice of it, with the final newline if it has one */
        size_t size;
} MergeRecord;

typedef struct MergeRecords {
        MergeRecord *list;   /* in the order of the text */
        MergeRecord **index; /* by key */
        size_t n, allocated;
} MergeRecords;

#define MERGE_RECORDS_NULL ((MergeRecords){})
/* Takes @key, always; NULL is -ENOMEM. */
int merge_records_add_consume(MergeRecords *r, char *key, const char *text, size_t size);

/* One record on all sides; NULL: not there. At least one side has it. */
typedef struct MergeTriple {
        const char *key;
        const MergeRecord *base, *ours, *theirs;
} MergeTriple;

typedef struct MergeFormat {
        int (*split)(const char *text, MergeRecords *ret);
        /* Both sides changed the record, and not alike. NULL: merge_keep_ours(). */
        int (*resolve)(const MergeTriple *t, Buffer *out, MergeNotes *notes);
        const char *after; /* written after each record, or NULL */
} MergeFormat;

/* Records come out in theirs' order, those that only ours has at the end in ours' order. */
int merge_records(const MergeFormat *format, const MergeTexts *texts, Buffer *out,
                  MergeNotes *notes);
/* Ours as it is, with a note of both versions. */
int merge_keep_ours(const MergeTriple *t, Buffer *out, MergeNotes *notes);

/* A record's text, ended by a newline. */
void merge_write_record(Buffer *out, const MergeRecord *record);

/* The next line of a text: its length without the newline; moves @text on. */
size_t merge_next_line(const char **text, const char **ret_line);

/* Sets: words of @ours and @theirs between any of @separators, without those that @base has and one
 * of the two lacks; in the order of theirs, then ours. Joined by @glue. */
int merge_word_sets(const MergeTexts *texts, const char *separators, const char *glue, Buffer *out);
