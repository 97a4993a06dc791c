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

typedef struct Tree {
        const char *path;
        size_t source;
} Tree;

static int compare_trees(const void *a, const void *b)
{
        const Tree *x = a, *y = b;
        int r = strcmp(x->path, y->path);

        return r != 0 ? r : (x->source > y->source) - (x->source < y->source);
}

/* The first of the sorted @trees that is not before @path. */
static size_t first_tree(const Tree *trees, size_t n, const char *path)
{
        size_t low = 0;

        while (low < n) {
                size_t middle = low + (n - low) / 2;

                if (strcmp(trees[middle].path, path) < 0)
                        low = middle + 1;
                else
                        n = middle;
        }
        return low;
}

typedef struct Search {
        Source *sources;
        size_t n;
        Tree *trees; /* sorted by path */
        bool *seen;  /* for reaches() */
} Search;

/* @self uses files of whoever has the tree at @path. */
static int add_users(const Search *s, size_t self, const char *path)
{
        for (size_t i = first_tree(s->trees, s->n, path);
             i < s->n && strcmp(s->trees[i].path, path) == 0; i++) {
                size_t other = s->trees[i].source;
                int r;

                if (other == self)
                        continue;
                memset(s->seen, 0, s->n * sizeof(*s->seen));
                if (reaches(s->sources, other, self, s->seen))
                        continue;
                r = add_edge(&s->sources[self], other);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Every directory above a path that the machine needs may be another's tree. */
static int add_found(const Search *s, size_t self)
{
        STRV_FOREACH (path, s->sources[self].paths) {
                _cleanup_free_ char *above = strdup(*path);

                if (!above)
                        return -ENOMEM;
                for (char *slash; (slash = strrchr(above, '/')) && slash > above;) {
                        int r;

                        *slash = '\0';
                        r = add_users(s, self, above);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

int references_find(Source *sources, size_t n)
{
        _cleanup_free_ bool *seen = calloc(n + 1, sizeof(*seen));
        _cleanup_free_ Tree *trees = calloc(n + 1, sizeof(*trees));
        Search s = { sources, n, trees, seen };
        int r = seen && trees ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = add_told(sources, n, i);
        for (size_t i = 0; r >= 0 && i < n; i++) {
                sources[i].n_told = sources[i].n_after;
                trees[i] = (Tree){ sources[i].tree, i };
        }
        if (r >= 0 && n > 0)
                qsort(trees, n, sizeof(*trees), compare_trees);
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = add_found(&s, i);
        return r;
}
