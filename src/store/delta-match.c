/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which old content a new one is a change of. First the one of the same path; then that of a path
 * or file name that differs in its numbers alone, as those of libraries do from version to version;
 * of several the one whose size is nearest. */

#include "store/publish-parts.h"

#include "store/compress.h"

#include <string.h>

typedef struct Candidate {
        char *key; /* "path" or file name, runs of digits as one '#' */
        const Content *content;
} Candidate;

typedef struct Candidates {
        Candidate *items;
        size_t n;
} Candidates;

static void candidates_done(Candidates *c)
{
        for (size_t i = 0; i < c->n; i++)
                free(c->items[i].key);
        free(c->items);
}

static char *without_digits(const char *s)
{
        char *key = strdup(s), *to = key;

        if (!key)
                return NULL;
        for (const char *from = s; *from; from++) {
                bool digit = *from >= '0' && *from <= '9';

                if (!digit)
                        *to++ = *from;
                else if (to == key || to[-1] != '#')
                        *to++ = '#';
        }
        *to = '\0';
        return key;
}

static const char *file_name(const char *path)
{
        return strrchr(path, '/') + 1; /* paths of manifests begin with one */
}

static int by_key(const void *a, const void *b)
{
        return strcmp(((const Candidate *)a)->key, ((const Candidate *)b)->key);
}

static int collect(const ContentList *old, bool whole_path, Candidates *ret)
{
        size_t n = 0;

        for (size_t i = 0; i < old->n; i++)
                n += old->items[i].n;
        ret->items = calloc(n + 1, sizeof(Candidate));
        if (!ret->items)
                return -ENOMEM;
        for (size_t i = 0; i < old->n; i++)
                for (size_t k = 0; k < old->items[i].n; k++) {
                        const char *path = old->items[i].entries[k]->path;
                        char *key = without_digits(whole_path ? path : file_name(path));

                        if (!key)
                                return -ENOMEM;
                        ret->items[ret->n++] = (Candidate){ key, &old->items[i] };
                }
        if (ret->n > 0)
                qsort(ret->items, ret->n, sizeof(Candidate), by_key);
        return 0;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
        return a > b ? a - b : b - a;
}

/* All with that key lie side by side. */
static const Content *nearest_of(const Candidates *c, const char *key, uint64_t size)
{
        const Candidate wanted = { .key = (char *)key };
        const Candidate *found =
                c->n > 0 ? bsearch(&wanted, c->items, c->n, sizeof(wanted), by_key) : NULL;
        const Content *best = NULL;

        if (!found)
                return NULL;
        while (found > c->items && strcmp(found[-1].key, key) == 0)
                found--;
        for (; found < c->items + c->n && strcmp(found->key, key) == 0; found++)
                if (!best || distance(found->content->size, size) < distance(best->size, size))
                        best = found->content;
        return best;
}

static const Content *by_path(const Manifest *old_manifest, const ContentList *old,
                              const Content *target)
{
        for (size_t i = 0; i < target->n; i++) {
                const Entry *e = manifest_find(old_manifest, target->entries[i]->path);

                if (e)
                        e = manifest_resolve_link(old_manifest, e);
                if (e && e->kind == ENTRY_FILE && e->size > 0)
                        return content_list_find(old, &e->content);
        }
        return NULL;
}

static int match_one(const Candidates lists[static 2], DeltaItem *item)
{
        for (int i = 0; i < 2 && !item->base; i++) {
                const char *path = item->target->entries[0]->path;
                _cleanup_free_ char *key = without_digits(i == 0 ? path : file_name(path));

                if (!key)
                        return -ENOMEM;
                item->base = nearest_of(&lists[i], key, item->target->size);
        }
        return 0;
}

int delta_match(const Manifest *old_manifest, const ContentList *old, DeltaItem *items, size_t n)
{
        Candidates lists[2] = {};
        int r = collect(old, true, &lists[0]);

        if (r >= 0)
                r = collect(old, false, &lists[1]);
        for (size_t i = 0; r >= 0 && i < n; i++) {
                items[i].base = by_path(old_manifest, old, items[i].target);
                r = match_one(lists, &items[i]);
                if (items[i].base && items[i].base->size > COMPRESS_PREFIX_MAX)
                        items[i].base = NULL;
        }
        candidates_done(&lists[0]);
        candidates_done(&lists[1]);
        return r;
}
