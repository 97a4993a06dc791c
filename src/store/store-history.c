/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which version a word means. */

#include "store/store.h"

#include "base/nearest.h"
#include "base/parse.h"

#include <string.h>

#define PREFIX_MIN 8 /* digits that must be given of a commit */

static int no_such_layer(const Store *store, const char *name, Error *error)
{
        _cleanup_error_ Error ignored = ERROR_NULL;
        Nearest nearest = NEAREST(name);
        Ref *refs = NULL;
        size_t n = 0;

        if (store_list_refs(store, &refs, &n, &ignored) >= 0)
                for (size_t i = 0; i < n; i++)
                        nearest_offer(&nearest, refs[i].name);
        if (nearest.best)
                error_hint(error, "Did you mean '%s'? stead layer list", nearest.best);
        else
                error_hint(error, "stead layer list; stead pull %s", name);
        error_set(error, ENOENT, "There is no layer '%s' in the store", name);
        ref_list_free(refs, n);
        return -ENOENT;
}

/* The version before; -ENOENT where the history ends. */
static int parent_of(const Store *store, const char *name, Hash *commit, Error *error)
{
        _cleanup_commit_ Commit c = COMMIT_NULL;
        char text[HASH_TEXT_SIZE];
        int r = store_load_commit(store, commit, &c, error);

        if (r < 0)
                return r;
        if (hash_is_null(&c.parent)) {
                error_hint(error, "stead layer log %s", name);
                return error_set(error, ENOENT, "Layer '%s' has no such version", name);
        }
        if (!store_has_commit(store, &c.parent)) { /* a pull brings only so many */
                error_hint(error, "stead layer log %s", name);
                return error_set(error, ENOENT,
                                 "Versions of layer '%s' before %.8s are not in this store", name,
                                 hash_to_string(commit, text));
        }
        *commit = c.parent;
        return 0;
}

static int go_back(const Store *store, const char *name, const char *count, Hash *commit,
                   Error *error)
{
        uint32_t n;

        if (parse_uint32(count, &n) < 0)
                return error_set(error, EINVAL, "'%s~%s': '~' takes a number of versions", name,
                                 count);
        while (n-- > 0) {
                int r = parent_of(store, name, commit, error);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int find_prefix(const Store *store, const char *name, const char *prefix, Hash *commit,
                       Error *error)
{
        char text[HASH_TEXT_SIZE];

        if (strlen(prefix) < PREFIX_MIN || strspn(prefix, "0123456789abcdef") != strlen(prefix)) {
                error_hint(error, "stead layer log %s", name);
                return error_set(error, EINVAL,
                                 "'%s@%s': '@' takes at least %d digits of a version", name, prefix,
                                 PREFIX_MIN);
        }
        while (strncmp(hash_to_string(commit, text), prefix, strlen(prefix)) != 0) {
                int r = parent_of(store, name, commit, error);

                if (r < 0)
                        return r;
        }
        return 0;
}

int store_resolve(const Store *store, const char *word, Hash *ret_commit, char **ret_name,
                  Error *error)
{
        _cleanup_error_ Error problem = ERROR_NULL;
        _cleanup_free_ char *name = strndup(word, strcspn(word, "@~"));
        _cleanup_ref_ Ref ref = REF_NULL;
        const char *rest;
        int r;

        if (!name)
                return error_set(error, ENOMEM, "Out of memory");
        r = store_load_ref(store, name, &ref, &problem);
        if (r == -ENOENT)
                return no_such_layer(store, name, error);
        if (r < 0)
                return error_move(error, &problem);
        rest = word + strlen(name);
        if (*rest == '@')
                r = find_prefix(store, name, rest + 1, &ref.commit, error);
        else if (*rest == '~')
                r = go_back(store, name, rest + 1, &ref.commit, error);
        if (r < 0)
                return r;
        *ret_commit = ref.commit;
        if (ret_name)
                *ret_name = TAKE_PTR(name);
        return 0;
}
