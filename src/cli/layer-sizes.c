/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/layer-sizes.h"

#include "store/hash-map.h"

#include <string.h>

typedef struct Sizes {
        const Manifest *manifest;
        size_t *numbers;  /* of each entry: the file that it is; 0: none */
        bool *shared;     /* by number: another layer has it */
        size_t *last;     /* by number: the last directory that counted it */
        LayerSize *items; /* of the directories */
        size_t n;
} Sizes;

static void sizes_done(Sizes *s)
{
        free(s->numbers);
        free(s->shared);
        free(s->last);
        free(s->items);
}

static uint32_t depth_of(const char *path)
{
        uint32_t n = 0;

        for (const char *c = path; *c; c++)
                n += *c == '/' && c[1];
        return n;
}

static int no_memory(Error *error)
{
        return error_set(error, ENOMEM, "Out of memory");
}

/* The files of all layers but one. What cannot be read has no size in `layer list` either. */
static int collect_others(const Store *store, const LayerViews *views, const LayerView *layer,
                          HashMap *ret)
{
        for (size_t i = 0; i < views->n; i++) {
                _cleanup_error_ Error problem = ERROR_NULL;
                _cleanup_manifest_ Manifest m = MANIFEST_NULL;
                const LayerView *v = &views->items[i];

                if (v == layer || !v->is_whole ||
                    store_load_tree(store, &v->commit.tree, &m, &problem) < 0)
                        continue;
                for (size_t k = 0; k < m.n; k++) {
                        Hash id;

                        if (m.entries[k].kind != ENTRY_FILE || !entry_is_object(&m.entries[k]))
                                continue;
                        if (entry_object_id(store->hasher, &m.entries[k], &id) < 0 ||
                            hash_map_put(ret, &id, HASH_MAP_MEMBER) < 0)
                                return -ENOMEM;
                }
        }
        return 0;
}

static int find_shared(Sizes *s, const Store *store, const LayerViews *views,
                       const LayerView *layer)
{
        _cleanup_hash_map_ HashMap others = HASH_MAP_NULL;
        int r = collect_others(store, views, layer, &others);

        for (size_t i = 0; r >= 0 && i < s->manifest->n; i++) {
                const Entry *e = &s->manifest->entries[i];
                Hash id;

                if (e->kind != ENTRY_FILE || !entry_is_object(e))
                        continue;
                r = entry_object_id(store->hasher, e, &id);
                if (r >= 0)
                        s->shared[s->numbers[i]] = hash_map_get(&others, &id) != NULL;
        }
        return r;
}

static void measure(Sizes *s, const char *path)
{
        LayerSize *size = &s->items[s->n++];
        size_t first, n = manifest_below(s->manifest, path, &first);

        size->path = path;
        for (size_t i = first; i < first + n; i++) {
                const Entry *e = &s->manifest->entries[i];
                size_t number = s->numbers[i];

                size->files += e->kind != ENTRY_DIRECTORY;
                if (number == 0 || s->last[number] == s->n)
                        continue;
                s->last[number] = s->n;
                e = manifest_resolve_link(s->manifest, e);
                size->bytes += e->size;
                if (!s->shared[number])
                        size->own += e->size;
        }
}

int layer_sizes(const Store *store, const Manifest *m, uint32_t depth, const LayerViews *views,
                const LayerView *layer, LayerSize **ret, size_t *ret_n, Error *error)
{
        _cleanup_(sizes_done) Sizes s = {
                .manifest = m,
                .shared = calloc(m->n + 1, sizeof(bool)),
                .last = calloc(m->n + 1, sizeof(size_t)),
                .items = calloc(m->n + 1, sizeof(LayerSize)),
        };

        if (!s.shared || !s.last || !s.items || manifest_number_files(m, &s.numbers) < 0)
                return no_memory(error);
        if (views && find_shared(&s, store, views, layer) < 0)
                return no_memory(error);
        for (size_t i = 0; i < m->n; i++)
                if (m->entries[i].kind == ENTRY_DIRECTORY && depth_of(m->entries[i].path) <= depth)
                        measure(&s, m->entries[i].path);
        *ret_n = s.n;
        *ret = TAKE_PTR(s.items);
        return 0;
}
