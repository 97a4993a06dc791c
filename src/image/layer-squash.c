/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/layer-squash.h"

#include "base/strv.h"
#include "image/layer-flatten.h"
#include "stack/merge.h"

#include <stdio.h>
#include <string.h>

typedef struct Version {
        Hash id;
        Commit commit;
} Version;

/* From the newest to the first of the range. */
typedef struct History {
        Version *list;
        size_t n;
} History;

static void history_done(History *h)
{
        for (size_t i = 0; i < h->n; i++)
                commit_done(&h->list[i].commit);
        free(h->list);
}

static int add_version(Store *store, History *h, const Hash *id, Error *error)
{
        Version *list = reallocarray(h->list, h->n + 1, sizeof(*list));
        int r;

        if (!list)
                return error_set(error, ENOMEM, "Out of memory");
        h->list = list;
        list[h->n] = (Version){ .id = *id };
        r = store_load_commit(store, id, &list[h->n].commit, error);
        if (r >= 0)
                h->n++;
        return r;
}

typedef struct Range {
        char *name;
        Hash first, last;
} Range;

/* The second word may begin with what follows a name. */
static int parse_range(Store *store, const char *text, Range *ret, Error *error)
{
        const char *dots = strstr(text, "..");
        _cleanup_free_ char *a = dots ? strndup(text, (size_t)(dots - text)) : NULL, *b = NULL,
                            *name = NULL, *other = NULL;
        const char *word = dots ? dots + 2 : "";
        int r;

        if (!dots || !a) {
                error_hint(error, "stead layer squash NAME~3..NAME; stead layer log NAME");
                return error_set(error, EINVAL, "'%s' is no range of versions", text);
        }
        r = store_resolve(store, a, &ret->first, &name, error);
        if (r < 0)
                return r;
        if (asprintf(&b, "%s%s", strchr("~@", word[0]) ? name : "", word) < 0) {
                b = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        r = store_resolve(store, b, &ret->last, &other, error);
        if (r < 0)
                return r;
        if (strcmp(name, other) != 0)
                return error_set(error, EINVAL,
                                 "'%s' names two layers; to make one of several: stead layer "
                                 "squash NEW = %s %s",
                                 text, name, other);
        ret->name = TAKE_PTR(name);
        return 0;
}

/* Reads from @newest down to the first of the range; tells the place of its last. */
static int read_history(Store *store, const Range *range, const Hash *newest, History *h,
                        size_t *ret_last, Error *error)
{
        Hash id = *newest;
        bool seen = false;

        while (!hash_is_null(&id)) {
                int r = add_version(store, h, &id, error);

                if (r < 0)
                        return r;
                if (hash_equal(&id, &range->last)) {
                        *ret_last = h->n - 1;
                        seen = true;
                }
                if (hash_equal(&id, &range->first))
                        break;
                id = h->list[h->n - 1].commit.parent;
        }
        if (hash_is_null(&id) || !seen) {
                error_hint(error, "stead layer log %s", range->name);
                return error_set(error, EINVAL,
                                 "The second version of '%s' is older than the first", range->name);
        }
        return 0;
}

/* The commit of the last one on what was before the first, then all later ones on top of it. */
static int rewrite(Store *store, History *h, size_t last, const char *message, Hash *ret,
                   Error *error)
{
        Hash parent = h->list[h->n - 1].commit.parent;
        int r = 0;

        if (message) {
                free(h->list[last].commit.message);
                h->list[last].commit.message = strdup(message);
                if (!h->list[last].commit.message)
                        return error_set(error, ENOMEM, "Out of memory");
        }
        for (size_t i = last + 1; r >= 0 && i-- > 0;) {
                h->list[i].commit.parent = parent;
                r = store_add_commit(store, &h->list[i].commit, &parent, error);
        }
        *ret = parent;
        return r;
}

int layer_squash_versions(Store *store, const char *range_text, const char *message,
                          LayerSquashed *ret, Error *error)
{
        _cleanup_(history_done) History history = { .list = NULL };
        _cleanup_ref_ Ref ref = REF_NULL;
        _cleanup_free_ char *name = NULL;
        Range range = { .name = NULL };
        size_t last = 0;
        Hash newest;
        int r = parse_range(store, range_text, &range, error);

        name = range.name;
        if (r >= 0)
                r = layer_version_check(store, name, error);
        if (r >= 0)
                r = store_load_ref(store, name, &ref, error);
        if (r >= 0)
                r = read_history(store, &range, &ref.commit, &history, &last, error);
        if (r < 0)
                return r;
        newest = ref.commit;
        if (last + 1 < history.n) {
                r = rewrite(store, &history, last, message, &newest, error);
                if (r >= 0)
                        r = layer_version_move(store, name, &newest, &ref.commit, error);
        }
        if (r < 0)
                return r;
        *ret = (LayerSquashed){ TAKE_PTR(name), newest, history.n - last, 0 };
        return 0;
}

/* What the new layer is: a base or an app, and for what. */
static int set_kind(const Commit *lowest, Commit *c)
{
        int r = 0;

        c->kind = lowest->kind == LAYER_BASE ? LAYER_BASE : LAYER_APP;
        for (size_t i = 0; r >= 0 && i < lowest->n_bases; i++)
                r = commit_add_base(c, &lowest->bases[i].commit, lowest->bases[i].name);
        for (size_t i = 0; r >= 0 && i < lowest->n_labels; i++)
                r = commit_set_label(c, lowest->labels[i].key, lowest->labels[i].value);
        return r;
}

typedef struct Squash {
        Store *store;
        Manifest view; /* of the layers so far */
        Commit commit;
        Generation layers;
} Squash;

static void squash_done(Squash *s)
{
        manifest_done(&s->view);
        commit_done(&s->commit);
        generation_done(&s->layers);
}

/* Lays a layer over the others. */
static int lay_over(Squash *s, const Manifest *upper, Error *error)
{
        Manifest next = MANIFEST_NULL;

        if (layer_flatten((const Manifest *const[]){ &s->view, upper }, 2,
                          s->commit.kind == LAYER_BASE, &next) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        manifest_done(&s->view);
        s->view = next;
        return 0;
}

static int add_layer(Squash *s, const char *word, Error *error)
{
        _cleanup_manifest_ Manifest tree = MANIFEST_NULL;
        _cleanup_commit_ Commit commit = COMMIT_NULL;
        _cleanup_free_ char *name = NULL;
        bool first = s->layers.n_layers == 0;
        Hash id;
        int r = store_resolve(s->store, word, &id, &name, error);

        if (r >= 0)
                r = store_load_commit(s->store, &id, &commit, error);
        if (r >= 0)
                r = store_load_tree(s->store, &commit.tree, &tree, error);
        if (r < 0)
                return r;
        if (!first && commit.kind == LAYER_BASE)
                return error_set(error, EINVAL,
                                 "Layer '%s' is a base: it can only be the first, below the others",
                                 word);
        r = first ? set_kind(&commit, &s->commit) : 0;
        if (r >= 0)
                r = generation_add_layer(&s->layers, name, &id, &commit.tree);
        return r < 0 ? error_set(error, ENOMEM, "Out of memory") : lay_over(s, &tree, error);
}

/* What several layers have changed each in a part of its own, as a machine of them would see it. */
static int merge_parts(Squash *s, size_t *ret_conflicts, Error *error)
{
        _cleanup_merge_result_ MergeResult result = MERGE_RESULT_NULL;
        const MergeRequest request = { .store = s->store, .after = &s->layers, .upper_fd = -EBADF };
        int r = merge_stack(&request, &result, error);

        if (r < 0)
                return r;
        for (size_t i = 0; i < result.drift.n_items; i++)
                *ret_conflicts += result.drift.items[i].kind == DRIFT_CONFLICT;
        return lay_over(s, &result.generated, error);
}

int layer_squash_stack(Store *store, const char *name, char *const *layers, const char *message,
                       LayerSquashed *ret, Error *error)
{
        _cleanup_(squash_done) Squash s = { .store = store };
        _cleanup_free_ char *words = strv_join(layers, " "), *copy = strdup(name);
        LayerSquashed squashed = { .n_before = strv_length(layers) };
        LayerVersion version;
        int r = layer_version_check(store, name, error);

        for (size_t i = 0; r >= 0 && layers[i]; i++)
                r = add_layer(&s, layers[i], error);
        if (r >= 0 && s.commit.kind == LAYER_BASE && s.layers.n_layers > 1)
                r = merge_parts(&s, &squashed.n_conflicts, error);
        if (r < 0)
                return r;
        if (message)
                s.commit.message = strdup(message);
        else if (!words || asprintf(&s.commit.message, "Squashed from %s", words) < 0)
                s.commit.message = NULL;
        if (!s.commit.message || !copy)
                return error_set(error, ENOMEM, "Out of memory");
        r = layer_version_add(store, name, &s.view, &s.commit, &version, error);
        if (r < 0)
                return r;
        squashed.name = TAKE_PTR(copy);
        squashed.commit = version.commit;
        *ret = squashed;
        return 0;
}
