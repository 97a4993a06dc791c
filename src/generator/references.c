/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Order between machines. systemd breaks a circle of ordering by dropping a job, and a machine
 * would not start; so an edge that is not written down by a person is added only where it closes
 * none. */

#include "generator/references.h"

#include "base/strv.h"

#include <string.h>

static int add_edge(Source *from, size_t to)
{
        size_t *grown;

        for (size_t i = 0; i < from->n_after; i++)
                if (from->after[i] == to)
                        return 0;
        grown = reallocarray(from->after, from->n_after + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        from->after = grown;
        from->after[from->n_after++] = to;
        return 0;
}

/* The source that "stead@NAME.service" is of, or @n. */
static size_t find_unit(const Source *sources, size_t n, const char *word)
{
        static const char prefix[] = "stead@", suffix[] = ".service";
        size_t p = sizeof(prefix) - 1, q = sizeof(suffix) - 1, length = strlen(word);

        if (length <= p + q || strncmp(word, prefix, p) != 0 ||
            strcmp(word + length - q, suffix) != 0)
                return n;
        for (size_t i = 0; i < n; i++) {
                const char *name = sources[i].definition->name;

                if (strlen(name) == length - p - q && strncmp(word + p, name, length - p - q) == 0)
                        return i;
        }
        return n;
}

/* After= and Before= of one definition. */
static int add_told(Source *sources, size_t n, size_t self)
{
        const Definition *d = sources[self].definition;

        for (size_t i = 0; i < d->n_passed; i++) {
                const PassedKey *k = &d->passed[i];
                bool before = strcmp(k->key, "Before") == 0;
                _cleanup_strv_ char **words = NULL;
                int r;

                if (strcmp(k->section, "Unit") != 0 || (!before && strcmp(k->key, "After") != 0))
                        continue;
                r = strv_split(k->value, " \t", &words);
                if (r < 0)
                        return r;
                STRV_FOREACH (word, words) {
                        size_t other = find_unit(sources, n, *word);

                        if (other == n || other == self)
                                continue;
                        r = add_edge(&sources[before ? other : self], before ? self : other);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

/* Whether @from starts after @to, maybe by way of others. @seen: one flag for each source. */
static bool reaches(const Source *sources, size_t from, size_t to, bool *seen)
{
        if (from == to)
                return true;
        if (seen[from])
                return false;
        seen[from] = true;
        for (size_t i = 0; i < sources[from].n_after; i++)
                if (reaches(sources, sources[from].after[i], to, seen))
                        return true;
        return false;
}

static bool is_below(const char *path, const char *directory)
{
        size_t n = strlen(directory);

        return strncmp(path, directory, n) == 0 && path[n] == '/' && path[n + 1] != '\0';
}

static bool uses_tree(const Source *s, const Source *other)
{
        STRV_FOREACH (path, s->paths)
                if (is_below(*path, other->tree))
                        return true;
        return false;
}

static int add_found(Source *sources, size_t n, size_t self, bool *seen)
{
        for (size_t other = 0; other < n; other++) {
                int r;

                if (other == self || !uses_tree(&sources[self], &sources[other]))
                        continue;
                memset(seen, 0, n * sizeof(*seen));
                if (reaches(sources, other, self, seen))
                        continue;
                r = add_edge(&sources[self], other);
                if (r < 0)
                        return r;
        }
        return 0;
}

int references_find(Source *sources, size_t n)
{
        _cleanup_free_ bool *seen = calloc(n + 1, sizeof(*seen));
        int r = seen ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = add_told(sources, n, i);
        for (size_t i = 0; i < n; i++)
                sources[i].n_told = sources[i].n_after;
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = add_found(sources, n, i, seen);
        return r;
}
