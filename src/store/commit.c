/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/commit.h"

#include "store/record.h"
#include "store/ref.h"

#include <inttypes.h>
#include <string.h>

#define COMMIT_MAGIC "stead-commit 1"

DEFINE_STRING_TABLE(layer_kind, LayerKind, [LAYER_BASE] = "base", [LAYER_APP] = "app",
                    [LAYER_MERGED] = "merged", [LAYER_STATE] = "state")

void commit_done(Commit *c)
{
        for (size_t i = 0; i < c->n_bases; i++)
                free(c->bases[i].name);
        for (size_t i = 0; i < c->n_labels; i++) {
                free(c->labels[i].key);
                free(c->labels[i].value);
        }
        free(c->bases);
        free(c->labels);
        free(c->message);
        *c = COMMIT_NULL;
}

int commit_add_base(Commit *c, const Hash *commit, const char *name)
{
        CommitBase *bases = reallocarray(c->bases, c->n_bases + 1, sizeof(*bases));
        char *copy = strdup(name);

        if (bases)
                c->bases = bases;
        if (!bases || !copy) {
                free(copy);
                return -ENOMEM;
        }
        c->bases[c->n_bases++] = (CommitBase){ *commit, copy };
        return 0;
}

int commit_set_label(Commit *c, const char *key, const char *value)
{
        _cleanup_free_ char *k = strdup(key), *v = strdup(value);
        CommitLabel *labels;
        size_t i = 0;

        if (!k || !v)
                return -ENOMEM;
        while (i < c->n_labels && strcmp(c->labels[i].key, key) < 0)
                i++;
        if (i < c->n_labels && strcmp(c->labels[i].key, key) == 0) {
                free(c->labels[i].value);
                c->labels[i].value = TAKE_PTR(v);
                return 0;
        }
        labels = reallocarray(c->labels, c->n_labels + 1, sizeof(*labels));
        if (!labels)
                return -ENOMEM;
        memmove(labels + i + 1, labels + i, (c->n_labels - i) * sizeof(*labels));
        labels[i] = (CommitLabel){ TAKE_PTR(k), TAKE_PTR(v) };
        c->labels = labels;
        c->n_labels++;
        return 0;
}

const char *commit_label(const Commit *c, const char *key)
{
        for (size_t i = 0; i < c->n_labels; i++)
                if (strcmp(c->labels[i].key, key) == 0)
                        return c->labels[i].value;
        return NULL;
}

static void write_hash(Buffer *out, const char *key, const Hash *hash)
{
        char text[HASH_TEXT_SIZE];

        if (!hash_is_null(hash))
                buffer_printf(out, "%s %s\n", key, hash_to_string(hash, text));
}

int commit_write(const Commit *c, Buffer *out)
{
        char text[HASH_TEXT_SIZE];

        buffer_printf(out, COMMIT_MAGIC "\nkind %s\n", layer_kind_to_string(c->kind));
        write_hash(out, "tree", &c->tree);
        write_hash(out, "parent", &c->parent);
        for (size_t i = 0; i < c->n_bases; i++)
                buffer_printf(out, "base %s %s\n", hash_to_string(&c->bases[i].commit, text),
                              c->bases[i].name);
        buffer_printf(out, "time %" PRId64 "\n", c->time);
        for (size_t i = 0; i < c->n_labels; i++) {
                buffer_puts(out, "label ");
                record_write_word(out, c->labels[i].key);
                buffer_puts(out, " ");
                record_write_word(out, c->labels[i].value);
                buffer_puts(out, "\n");
        }
        if (c->message) {
                buffer_puts(out, "message ");
                record_write_word(out, c->message);
                buffer_puts(out, "\n");
        }
        return buffer_error(out);
}

static int parse_line(Commit *c, char **words, int n)
{
        Hash hash;

        if (n == 2 && strcmp(words[0], "kind") == 0) {
                c->kind = layer_kind_from_string(words[1]);
                return (int)c->kind < 0 ? -EINVAL : 0;
        }
        if (n == 2 && strcmp(words[0], "tree") == 0)
                return hash_parse(words[1], &c->tree);
        if (n == 2 && strcmp(words[0], "parent") == 0)
                return hash_parse(words[1], &c->parent);
        if (n == 3 && strcmp(words[0], "base") == 0)
                return hash_parse(words[1], &hash) < 0 || !ref_name_is_valid(words[2])
                               ? -EINVAL
                               : commit_add_base(c, &hash, words[2]);
        if (n == 2 && strcmp(words[0], "time") == 0)
                return record_parse_time(words[1], &c->time);
        if (n == 3 && strcmp(words[0], "label") == 0)
                return commit_set_label(c, words[1], words[2]);
        if (n == 2 && strcmp(words[0], "message") == 0 && !c->message) {
                c->message = strdup(words[1]);
                return c->message ? 0 : -ENOMEM;
        }
        return -EINVAL;
}

int commit_parse(const char *name, const char *text, size_t size, Commit *ret, Error *error)
{
        _cleanup_record_reader_ RecordReader reader = RECORD_READER_NULL;
        _cleanup_commit_ Commit c = COMMIT_NULL;
        _cleanup_buffer_ Buffer written = BUFFER_NULL;
        char *words[RECORD_WORDS_MAX];
        int n, r;

        r = record_open(name, text, size, COMMIT_MAGIC, &reader, error);
        if (r < 0)
                return r;
        while ((n = record_next(&reader, words, error)) > 0) {
                r = parse_line(&c, words, n);
                if (r == -ENOMEM)
                        return error_set(error, ENOMEM, "Out of memory");
                if (r < 0)
                        return record_refuse(&reader, error, "Not a line of a commit");
        }
        if (n < 0)
                return n;
        if (hash_is_null(&c.tree))
                return record_refuse(&reader, error, "The commit names no tree");
        (void)commit_write(&c, &written); /* the comparison sees a failure */
        r = record_check_canonical(name, text, size, &written, error);
        if (r < 0)
                return r;
        *ret = c;
        c = COMMIT_NULL;
        return 0;
}
