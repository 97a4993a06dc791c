/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Layers of a scratch store: a tree of small files for each version. */

#include "scratch-store.h"

#include "store/ingest.h"

#include <sys/stat.h>

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, scratch_open, scratch_close)

/* The directory as a published tree. */
static inline void scratch_ingest(ScratchStore *s, int fd, Manifest *ret, Hash *ret_tree)
{
        _cleanup_error_ Error error = ERROR_NULL;
        const Manifest *list[1] = { ret };

        if (ingest_tree(&s->store, fd, &(IngestOptions){ .layer = true }, ret, &error) < 0)
                fail_msg("%s", error.message);
        assert_int_equal(store_publish_objects(&s->store, list, 1, NULL), 0);
        assert_int_equal(store_add_tree(&s->store, ret, ret_tree, NULL), 0);
}

/* What s->tree_fd holds now as the next version of @name. @base: or NULL. */
static inline void scratch_commit(ScratchStore *s, const char *name, const Hash *base,
                                  Hash *ret_commit, Hash *ret_tree)
{
        _cleanup_manifest_ Manifest m = MANIFEST_NULL;
        _cleanup_ref_ Ref ref = REF_NULL;
        _cleanup_commit_ Commit c = { .kind = base ? LAYER_APP : LAYER_BASE, .time = 1700000000 };

        scratch_ingest(s, s->tree_fd, &m, &c.tree);
        if (store_load_ref(&s->store, name, &ref, NULL) >= 0)
                c.parent = ref.commit;
        else
                ref.name = strdup(name);
        c.message = strdup(name);
        if (base)
                assert_int_equal(commit_add_base(&c, base, "base"), 0);
        assert_int_equal(store_add_commit(&s->store, &c, ret_commit, NULL), 0);
        ref.commit = *ret_commit;
        ref.sequence++;
        assert_int_equal(store_save_ref(&s->store, &ref, NULL, NULL), 0);
        *ret_tree = c.tree;
}

/* The store's path of the object of a file in the tree. */
static inline ObjectPath scratch_object(ScratchStore *s, const Hash *tree, const char *path)
{
        _cleanup_manifest_ Manifest m = MANIFEST_NULL;
        Hash id;

        assert_int_equal(store_load_tree(&s->store, tree, &m, NULL), 0);
        assert_non_null(manifest_find(&m, path));
        assert_int_equal(entry_object_id(s->store.hasher, manifest_find(&m, path), &id), 0);
        return object_path(&id);
}

/* Closes the store and opens it for removing. */
static inline void scratch_reopen(ScratchStore *s, StoreUse use)
{
        char path[96];

        (void)snprintf(path, sizeof(path), "%s/store", s->path);
        store_close(&s->store);
        assert_int_equal(store_open(path, use, &s->store, NULL), 0);
}

static inline bool scratch_has(const ScratchStore *s, const char *path)
{
        return faccessat(s->store.fd, path, F_OK, AT_SYMLINK_NOFOLLOW) >= 0;
}
