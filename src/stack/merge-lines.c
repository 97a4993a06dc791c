/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The plain formats: what the key of a record is, and where it ends. */

#include "stack/merge-lines.h"

#include <errno.h>
#include <string.h>

/* Tells the key within a line. */
typedef size_t (*LineKey)(const char *line, size_t size, const char **ret_key);

static size_t key_whole(const char *line, size_t size, const char **ret_key)
{
        *ret_key = line;
        return size;
}

static size_t key_first_word(const char *line, size_t size, const char **ret_key)
{
        *ret_key = line;
        return MIN_OF(strcspn(line, " \t\n"), size);
}

/* What follows so many words. */
static size_t key_behind(const char *line, size_t size, unsigned words, const char **ret_key)
{
        const char *p = line, *end = line + size;

        while (words-- > 0) {
                p += strcspn(p, " \t\n");
                p += strspn(p, " \t");
        }
        if (p >= end)
                return key_whole(line, size, ret_key);
        *ret_key = p;
        return (size_t)(end - p);
}

static size_t key_second_word(const char *line, size_t size, const char **ret_key)
{
        return key_behind(line, size, 1, ret_key);
}

static size_t key_fourth_word(const char *line, size_t size, const char **ret_key)
{
        return key_behind(line, size, 3, ret_key);
}

/* Records of @lines lines whose key is in the first one. */
static int split_by(const char *text, LineKey key_of, unsigned lines, MergeRecords *ret)
{
        while (*text) {
                const char *line, *key, *more;
                size_t size = merge_next_line(&text, &line);
                int r;

                if (size == 0)
                        continue;
                for (unsigned i = 1; i < lines; i++)
                        if (merge_next_line(&text, &more) == 0)
                                return -EBADMSG;
                size = key_of(line, size, &key);
                r = merge_records_add_consume(ret, strndup(key, size), line, (size_t)(text - line));
                if (r < 0)
                        return r;
        }
        return 0;
}

static int split_set(const char *text, MergeRecords *ret)
{
        return split_by(text, key_whole, 1, ret);
}

static int split_words(const char *text, MergeRecords *ret)
{
        return split_by(text, key_first_word, 1, ret);
}

static int split_second(const char *text, MergeRecords *ret)
{
        return split_by(text, key_second_word, 1, ret);
}

static int split_statoverride(const char *text, MergeRecords *ret)
{
        return split_by(text, key_fourth_word, 1, ret);
}

static int split_diversions(const char *text, MergeRecords *ret)
{
        return split_by(text, key_whole, 3, ret);
}

int merge_line_set(const MergeTexts *texts, Buffer *out, MergeNotes *notes)
{
        static const MergeFormat format = { .split = split_set };

        return merge_records(&format, texts, out, notes);
}

static int resolve_words(const MergeTriple *t, Buffer *out, MergeNotes *notes)
{
        const MergeRecord *const sides[] = { t->base, t->ours, t->theirs };
        _cleanup_free_ char *base = NULL, *ours = NULL, *theirs = NULL;
        char **copies[] = { &base, &ours, &theirs };
        int r;

        for (size_t i = 0; i < ELEMENTSOF(sides); i++) {
                *copies[i] = sides[i] ? strndup(sides[i]->text, strcspn(sides[i]->text, "\n"))
                                      : strdup("");
                if (!*copies[i])
                        return -ENOMEM;
        }
        r = merge_word_sets(&(MergeTexts){ base, ours, theirs }, " \t", " ", out);
        if (r >= 0)
                buffer_puts(out, "\n");
        return r;
}

int merge_word_lines(const MergeTexts *texts, Buffer *out, MergeNotes *notes)
{
        static const MergeFormat format = { .split = split_words, .resolve = resolve_words };

        return merge_records(&format, texts, out, notes);
}

int merge_statoverride(const MergeTexts *texts, Buffer *out, MergeNotes *notes)
{
        static const MergeFormat format = { .split = split_statoverride };

        return merge_records(&format, texts, out, notes);
}

int merge_diversions(const MergeTexts *texts, Buffer *out, MergeNotes *notes)
{
        static const MergeFormat format = { .split = split_diversions };

        return merge_records(&format, texts, out, notes);
}

int merge_ucf(const MergeTexts *texts, Buffer *out, MergeNotes *notes)
{
        static const MergeFormat format = { .split = split_second };

        return merge_records(&format, texts, out, notes);
}
