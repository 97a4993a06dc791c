/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading, writing and merging an alternative. For the merge it becomes a list of facts, a line
 * each with a key, so that the common merge does all of the work. */

#include "stack/alternative.h"

#include "base/parse.h"
#include "base/strv.h"

#include <errno.h>
#include <string.h>

void alternative_done(Alternative *a)
{
        for (size_t i = 0; i < a->n_slaves; i++) {
                free(a->slaves[i].name);
                free(a->slaves[i].link);
        }
        for (size_t i = 0; i < a->n_choices; i++) {
                free(a->choices[i].path);
                strv_free(a->choices[i].slaves);
        }
        free(a->slaves);
        free(a->choices);
        free(a->link);
        *a = ALTERNATIVE_NULL;
}

static int add_slave(Alternative *a, const char *name, const char *link)
{
        AlternativeSlave *grown = reallocarray(a->slaves, a->n_slaves + 1, sizeof(*grown));

        if (!grown)
                return -ENOMEM;
        a->slaves = grown;
        a->slaves[a->n_slaves] = (AlternativeSlave){ strdup(name), strdup(link) };
        a->n_slaves++; /* also a half one: alternative_done() frees it */
        return grown[a->n_slaves - 1].name && grown[a->n_slaves - 1].link ? 0 : -ENOMEM;
}

static int add_choice(Alternative *a, const char *path, const char *priority)
{
        AlternativeChoice *grown = reallocarray(a->choices, a->n_choices + 1, sizeof(*grown));
        AlternativeChoice *choice;

        if (!grown)
                return -ENOMEM;
        a->choices = grown;
        choice = grown + a->n_choices++;
        *choice = (AlternativeChoice){ .path = strdup(path) };
        if (!choice->path)
                return -ENOMEM;
        return parse_int(priority, &choice->priority) < 0 ? -EBADMSG : 0;
}

/* The next line as a copy in @ret; -EBADMSG at the end of the text. */
static int next(const char **text, char **ret)
{
        const char *line;
        size_t size;

        free(*ret);
        *ret = NULL;
        if (!**text)
                return -EBADMSG;
        size = merge_next_line(text, &line);
        if (memchr(line, '\t', size)) /* it would part the words of a fact */
                return -EBADMSG;
        *ret = strndup(line, size);
        return *ret ? 0 : -ENOMEM;
}

/* Two lines; *ret_end: the first of them was empty, and there is no second. */
static int next_pair(const char **text, char **ret_a, char **ret_b, bool *ret_end)
{
        int r = next(text, ret_a);

        *ret_end = r >= 0 && !**ret_a;
        if (r >= 0 && !*ret_end)
                r = next(text, ret_b);
        return r >= 0 && !*ret_end && !**ret_b ? -EBADMSG : r;
}

int alternative_parse(const char *text, Alternative *ret)
{
        _cleanup_alternative_ Alternative a = ALTERNATIVE_NULL;
        _cleanup_free_ char *first = NULL, *second = NULL;
        bool end = false;
        int r = next(&text, &first);

        if (r >= 0)
                a.automatic = strcmp(first, "auto") == 0;
        if (r >= 0 && !a.automatic && strcmp(first, "manual") != 0)
                r = -EBADMSG;
        if (r >= 0)
                r = next(&text, &a.link);
        if (r >= 0 && !*a.link)
                r = -EBADMSG;
        while (r >= 0 && !end) {
                r = next_pair(&text, &first, &second, &end);
                if (r >= 0 && !end)
                        r = add_slave(&a, first, second);
        }
        for (end = false; r >= 0 && !end;) {
                r = next_pair(&text, &first, &second, &end);
                if (r < 0 || end)
                        break;
                r = add_choice(&a, first, second);
                for (size_t i = 0; r >= 0 && i < a.n_slaves; i++) {
                        r = next(&text, &first);
                        if (r >= 0)
                                r = strv_push_take(&a.choices[a.n_choices - 1].slaves, first);
                        if (r >= 0)
                                first = NULL;
                }
        }
        if (r < 0)
                return r;
        *ret = a;
        a = ALTERNATIVE_NULL;
        return 0;
}

static void put_alternative(const Alternative *a, Buffer *out)
{
        buffer_printf(out, "%s\n%s\n", a->automatic ? "auto" : "manual", a->link);
        for (size_t i = 0; i < a->n_slaves; i++)
                buffer_printf(out, "%s\n%s\n", a->slaves[i].name, a->slaves[i].link);
        buffer_puts(out, "\n");
        for (size_t i = 0; i < a->n_choices; i++) {
                buffer_printf(out, "%s\n%d\n", a->choices[i].path, a->choices[i].priority);
                for (size_t j = 0; j < a->n_slaves; j++)
                        buffer_printf(out, "%s\n", a->choices[i].slaves[j]);
        }
        buffer_puts(out, "\n");
}

/* Words of a fact are parted by tabs; all but the last are its key. */
static void write_facts(const Alternative *a, Buffer *out)
{
        buffer_printf(out, "mode\t%s\nlink\t%s\n", a->automatic ? "auto" : "manual", a->link);
        for (size_t i = 0; i < a->n_slaves; i++)
                buffer_printf(out, "slave\t%s\t%s\n", a->slaves[i].name, a->slaves[i].link);
        for (size_t i = 0; i < a->n_choices; i++) {
                const AlternativeChoice *c = a->choices + i;

                buffer_printf(out, "choice\t%s\t%d\n", c->path, c->priority);
                for (size_t j = 0; j < a->n_slaves; j++)
                        if (*c->slaves[j])
                                buffer_printf(out, "file\t%s\t%s\t%s\n", c->path, a->slaves[j].name,
                                              c->slaves[j]);
        }
}

static int split_facts(const char *text, MergeRecords *ret)
{
        while (*text) {
                const char *line;
                size_t size = merge_next_line(&text, &line);
                const char *last = memrchr(line, '\t', size);
                int r = merge_records_add_consume(ret, strndup(line, (size_t)(last - line)), line,
                                                  size);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int set_file(Alternative *a, char *const *words)
{
        for (size_t i = 0; i < a->n_choices; i++)
                for (size_t j = 0; j < a->n_slaves; j++)
                        if (strcmp(a->choices[i].path, words[1]) == 0 &&
                            strcmp(a->slaves[j].name, words[2]) == 0) {
                                char *copy = strdup(words[3]);

                                if (!copy)
                                        return -ENOMEM;
                                free(a->choices[i].slaves[j]);
                                a->choices[i].slaves[j] = copy;
                        }
        return 0; /* of a choice or slave that is gone: of no use */
}

static int read_fact(Alternative *a, char *const *words)
{
        if (strcmp(words[0], "mode") == 0)
                a->automatic = strcmp(words[1], "auto") == 0;
        else if (strcmp(words[0], "link") == 0 && !a->link)
                return (a->link = strdup(words[1])) ? 0 : -ENOMEM;
        else if (strcmp(words[0], "slave") == 0)
                return add_slave(a, words[1], words[2]);
        else if (strcmp(words[0], "choice") == 0)
                return add_choice(a, words[1], words[2]);
        return 0;
}

static int compare_slave(const void *a, const void *b)
{
        return strcmp(((const AlternativeSlave *)a)->name, ((const AlternativeSlave *)b)->name);
}

static int compare_choice(const void *a, const void *b)
{
        return strcmp(((const AlternativeChoice *)a)->path, ((const AlternativeChoice *)b)->path);
}

/* In dpkg's order, with an empty file for each slave of each choice. */
static int put_in_order(Alternative *a)
{
        if (a->n_slaves > 0)
                qsort(a->slaves, a->n_slaves, sizeof(*a->slaves), compare_slave);
        if (a->n_choices > 0)
                qsort(a->choices, a->n_choices, sizeof(*a->choices), compare_choice);
        for (size_t i = 0; i < a->n_choices; i++)
                for (size_t j = 0; j < a->n_slaves; j++) {
                        int r = strv_push(&a->choices[i].slaves, "");

                        if (r < 0)
                                return r;
                }
        return a->link ? 0 : -EBADMSG;
}

/* Twice over the facts: slaves and choices must be known before their files. */
static int read_facts(const char *facts, Alternative *a)
{
        int r = 0;

        for (int files = 0; r >= 0 && files <= 1; files++) {
                const char *text = facts, *line;

                while (r >= 0 && *text) {
                        _cleanup_strv_ char **words = NULL;
                        _cleanup_free_ char *copy = NULL;
                        size_t size = merge_next_line(&text, &line);

                        copy = strndup(line, size);
                        r = copy ? strv_split(copy, "\t", &words) : -ENOMEM;
                        if (r >= 0 && files == (strcmp(words[0], "file") == 0))
                                r = files ? set_file(a, words) : read_fact(a, words);
                }
                if (r >= 0 && files == 0)
                        r = put_in_order(a);
        }
        return r;
}

static int facts_of(const char *text, Buffer *ret)
{
        _cleanup_alternative_ Alternative a = ALTERNATIVE_NULL;
        int r = text && *text ? alternative_parse(text, &a) : 0;

        if (r >= 0 && a.link)
                write_facts(&a, ret);
        return r < 0 ? r : buffer_error(ret);
}

int merge_alternative(const MergeTexts *texts, Buffer *out, MergeNotes *notes)
{
        static const MergeFormat format = { .split = split_facts };
        _cleanup_buffer_ Buffer base = BUFFER_NULL, ours = BUFFER_NULL, theirs = BUFFER_NULL,
                                merged = BUFFER_NULL;
        _cleanup_alternative_ Alternative a = ALTERNATIVE_NULL;
        int r = facts_of(texts->base, &base);

        if (r >= 0)
                r = facts_of(texts->ours, &ours);
        if (r >= 0)
                r = facts_of(texts->theirs, &theirs);
        if (r >= 0)
                r = merge_records(&format, &(MergeTexts){ base.data, ours.data, theirs.data },
                                  &merged, notes);
        if (r >= 0 && merged.data)
                r = read_facts(merged.data, &a);
        if (r >= 0 && a.n_choices > 0) /* none is left: no such alternative, as in dpkg */
                put_alternative(&a, out);
        return r < 0 ? r : buffer_error(out);
}

const AlternativeChoice *alternative_choose(const Alternative *a, const char *current,
                                            AlternativeExists exists, void *userdata)
{
        const AlternativeChoice *best = NULL;

        for (size_t i = 0; i < a->n_choices; i++) {
                const AlternativeChoice *c = a->choices + i;

                if (!exists(c->path, userdata))
                        continue;
                if (!a->automatic && current && strcmp(c->path, current) == 0)
                        return c;
                if (!best || c->priority > best->priority)
                        best = c;
        }
        return best;
}
