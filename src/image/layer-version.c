/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/layer-version.h"

#include <string.h>
#include <time.h>

/* 0: there is none; 1: it is loaded. */
static int load_ref(Store *store, const char *name, Ref *ret, Error *error)
{
        _cleanup_error_ Error found = ERROR_NULL;
        int r = store_load_ref(store, name, ret, &found);

        if (r == -ENOENT)
                return 0;
        return r < 0 ? error_move(error, &found) : 1;
}

int layer_version_check(Store *store, const char *name, Error *error)
{
        _cleanup_ref_ Ref ref = REF_NULL;
        int r = load_ref(store, name, &ref, error);

        if (r <= 0 || !ref.origin)
                return MIN_OF(r, 0);
        error_hint(error, "stead pull %s:%s  (or another name)", ref.origin, name);
        return error_set(error, EEXIST,
                         "Layer '%s' comes from the remote '%s' and gets its versions there", name,
                         ref.origin);
}

int layer_version_move(Store *store, const char *name, const Hash *commit, const Hash *before,
                       Error *error)
{
        _cleanup_ref_ Ref ref = REF_NULL, old = REF_NULL;
        int r = load_ref(store, name, &old, error);

        if (r < 0)
                return r;
        ref = (Ref){ .name = strdup(name),
                     .commit = *commit,
                     .sequence = old.sequence + 1,
                     .time = (int64_t)time(NULL) };
        if (!ref.name)
                return error_set(error, ENOMEM, "Out of memory");
        return store_save_ref(store, &ref, before, error);
}

static bool same_bases(const Commit *a, const Commit *b)
{
        if (a->n_bases != b->n_bases)
                return false;
        for (size_t i = 0; i < a->n_bases; i++)
                if (!hash_equal(&a->bases[i].commit, &b->bases[i].commit))
                        return false;
        return true;
}

static bool same_labels(const Commit *a, const Commit *b)
{
        if (a->n_labels != b->n_labels)
                return false;
        for (size_t i = 0; i < a->n_labels; i++)
                if (strcmp(a->labels[i].key, b->labels[i].key) != 0 ||
                    strcmp(a->labels[i].value, b->labels[i].value) != 0)
                        return false;
        return true;
}

/* 1 if the newest version is what is to be added. */
static int compare_newest(Store *store, const Hash *newest, const Commit *commit, Error *error)
{
        _cleanup_commit_ Commit old = COMMIT_NULL;
        int r = store_load_commit(store, newest, &old, error);

        if (r < 0)
                return r;
        return old.kind == commit->kind && hash_equal(&old.tree, &commit->tree) &&
               same_bases(&old, commit) && same_labels(&old, commit);
}

int layer_version_add(Store *store, const char *name, const Manifest *manifest, Commit *commit,
                      LayerVersion *ret, Error *error)
{
        LayerVersion version = { .unchanged = false };
        _cleanup_ref_ Ref old = REF_NULL;
        int r = store_publish_objects(store, &manifest, 1, error);

        if (r >= 0)
                r = store_add_tree(store, manifest, &version.tree, error);
        if (r >= 0)
                r = load_ref(store, name, &old, error);
        if (r < 0)
                return r;
        commit->tree = version.tree;
        if (r > 0) {
                commit->parent = old.commit;
                r = compare_newest(store, &old.commit, commit, error);
                if (r < 0)
                        return r;
                if (r > 0) {
                        *ret = (LayerVersion){ old.commit, version.tree, true };
                        return 0;
                }
        }
        if (commit->time == 0)
                commit->time = (int64_t)time(NULL);
        r = store_add_commit(store, commit, &version.commit, error);
        if (r >= 0)
                r = layer_version_move(store, name, &version.commit, &old.commit, error);
        if (r >= 0)
                *ret = version;
        return r;
}
