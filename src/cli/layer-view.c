/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/layer-view.h"

#include "base/strv.h"
#include "cli/layered.h"
#include "cli/printable.h"
#include "store/hash-map.h"

#include <stdio.h>
#include <string.h>

void layer_views_done(LayerViews *v)
{
        for (size_t i = 0; i < v->n; i++) {
                ref_done(&v->items[i].ref);
                commit_done(&v->items[i].commit);
                strv_free(v->items[i].users);
        }
        free(v->items);
        *v = LAYER_VIEWS_NULL;
}

static int no_memory(Error *error)
{
        return error_set(error, ENOMEM, "Out of memory");
}

int layer_views_load(const Store *store, LayerViews *ret, Error *error)
{
        _cleanup_layer_views_ LayerViews v = LAYER_VIEWS_NULL;
        Ref *refs = NULL;
        size_t n = 0;
        int r = store_list_refs(store, &refs, &n, error);

        if (r < 0) {
                error_hint(error, "stead layer fsck");
                return r;
        }
        v.items = calloc(n + 1, sizeof(LayerView));
        for (size_t i = 0; v.items && i < n; i++) {
                LayerView *item = &v.items[v.n++];

                item->ref = refs[i];
                refs[i] = REF_NULL;
                item->is_known =
                        store_load_commit(store, &item->ref.commit, &item->commit, NULL) >= 0;
        }
        ref_list_free(refs, n);
        if (!v.items)
                return no_memory(error);
        *ret = v;
        v = LAYER_VIEWS_NULL;
        return 0;
}

/* An object, and the layers that have it. */
typedef struct Shared {
        size_t last, n; /* of the layers */
        uint64_t size;
} Shared;

static int count_object(HashMap *map, Hasher *hasher, const Entry *e, size_t layer, uint64_t *bytes)
{
        Shared *shared;
        Hash id;

        if (entry_object_id(hasher, e, &id) < 0)
                return -ENOMEM;
        shared = hash_map_get(map, &id);
        if (!shared) {
                shared = calloc(1, sizeof(*shared));
                if (!shared || hash_map_put(map, &id, shared) < 0) {
                        free(shared);
                        return -ENOMEM;
                }
                shared->size = e->size;
        } else if (shared->last == layer) {
                return 0;
        }
        shared->last = layer;
        shared->n++;
        *bytes += e->size;
        return 0;
}

static int count_objects(const Store *store, HashMap *map, LayerViews *v, size_t i, Error *error)
{
        _cleanup_error_ Error problem = ERROR_NULL;
        _cleanup_manifest_ Manifest m = MANIFEST_NULL;
        LayerView *item = &v->items[i];
        int r = item->is_known ? store_load_tree(store, &item->commit.tree, &m, &problem) : -ENOENT;

        if (r == -ENOMEM)
                return no_memory(error);
        if (r < 0) /* shown as it is: without a size */
                return 0;
        for (size_t k = 0; k < m.n; k++)
                if (entry_is_object(&m.entries[k]) &&
                    count_object(map, store->hasher, &m.entries[k], i, &item->bytes) < 0)
                        return no_memory(error);
        item->is_whole = true;
        return 0;
}

int layer_views_measure(const Store *store, LayerViews *v, Error *error)
{
        _cleanup_hash_map_ HashMap map = HASH_MAP_NULL;
        HashMapSlot *slot;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < v->n; i++)
                r = count_objects(store, &map, v, i, error);
        for (size_t at = 0; (slot = hash_map_next(&map, &at));) {
                Shared *shared = slot->value;

                if (shared->n == 1)
                        v->items[shared->last].own += shared->size;
                free(shared);
        }
        return r;
}

static int add_user(char ***users, const char *machine, Error *error)
{
        if (strv_contains(*users, machine) || strv_push(users, machine) >= 0)
                return 0;
        return no_memory(error);
}

/* @machines: those of layers, by their definitions. */
static int add_defined(char *const *machines, const char *layer, char ***users, Error *error)
{
        int r = 0;

        for (char *const *m = machines; r >= 0 && m && *m; m++) {
                _cleanup_strv_ char **layers = NULL;

                r = layered_names(*m, &layers, error);
                STRV_FOREACH (word, layers) {
                        size_t length = strcspn(*word, "@~");

                        if (r >= 0 && strlen(layer) == length && strncmp(*word, layer, length) == 0)
                                r = add_user(users, *m, error);
                }
        }
        return r;
}

int layer_users(const Roots *roots, const char *layer, bool current, char ***ret, Error *error)
{
        _cleanup_strv_ char **users = NULL, **machines = NULL;
        int r = roots_users(roots, layer, current, &users) < 0 ? no_memory(error) : 0;

        if (r >= 0)
                r = layered_list(&machines, error);
        if (r >= 0)
                r = add_defined(machines, layer, &users, error);
        if (r >= 0)
                *ret = TAKE_PTR(users);
        return r;
}

int layer_views_find_users(LayerViews *v, Error *error)
{
        _cleanup_error_ Error problem = ERROR_NULL;
        _cleanup_roots_ Roots roots = ROOTS_NULL;
        int r = roots_collect(&roots, &problem);

        for (size_t i = 0; r >= 0 && i < v->n; i++)
                r = layer_users(&roots, v->items[i].ref.name, true, &v->items[i].users, &problem);
        if (r == -ENOMEM)
                return no_memory(error);
        if (r < 0)
                error_print(&problem);
        return 0;
}

LayerVersionText layer_version_text(const Hash *commit)
{
        LayerVersionText t;
        char text[HASH_TEXT_SIZE];

        (void)snprintf(t.text, sizeof(t.text), "%.*s", LAYER_VERSION_DIGITS,
                       hash_to_string(commit, text));
        return t;
}

json_t *layer_hash_json(const Hash *hash)
{
        char text[HASH_TEXT_SIZE];

        return hash_is_null(hash) ? json_null() : json_string(hash_to_string(hash, text));
}

json_t *layer_strings_json(char *const *strings)
{
        json_t *array = json_array();

        for (char *const *s = strings; s && *s; s++)
                (void)json_array_append_new(array, printable_json(*s));
        return array;
}
