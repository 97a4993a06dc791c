/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Publishing and pulling of a small layer by file: URLs. What a lying server can do to it is in
 * tests/machine. */

#include "scratch-layer.h"

#include "base/strv.h"
#include "store/publish.h"
#include "store/pull.h"

#include <time.h>

#define NAME "debian/12/base"

typedef struct World {
        ScratchStore *from;
        Store to;
        Key key;
        Remote remote;
        Transfer *transfer;
        char site[96];
        char *note; /* the last one */
} World;

static void on_note(const char *note, void *userdata)
{
        World *w = userdata;

        free(w->note);
        w->note = strdup(note);
}

static void world_open(World *w, ScratchStore *s)
{
        char path[96], url[112];

        *w = (World){ .from = s, .to = STORE_NULL };
        (void)snprintf(path, sizeof(path), "%s/keys", s->path);
        assert_int_equal(key_make(path, "k", &w->key, NULL), 0);
        (void)snprintf(path, sizeof(path), "%s/keys/k.pub", s->path);
        (void)snprintf(w->site, sizeof(w->site), "%s/site", s->path);
        (void)snprintf(url, sizeof(url), "file://%s", w->site);
        w->remote.name = strdup("r");
        assert_int_equal(remote_set_url(&w->remote, url, NULL), 0);
        assert_int_equal(remote_add_key(&w->remote, path, NULL), 0);
        assert_int_equal(transfer_new(w->remote.url, NULL, &w->transfer, NULL), 0);
        (void)snprintf(path, sizeof(path), "%s/to", s->path);
        assert_int_equal(store_open(path, STORE_ADD, &w->to, NULL), 0);
}

static void world_close(World *w)
{
        store_close(&w->to);
        (void)transfer_free(w->transfer);
        remote_done(&w->remote);
        key_done(&w->key);
        free(w->note);
}

static int publish_with(World *w, const PublishOptions *options, PublishResult *ret, Error *error)
{
        _cleanup_publication_ Publication p = PUBLICATION_NULL;
        int r = publication_open(w->site, &p, error);

        return r < 0 ? r : publish_ref(&w->from->store, &p, NAME, options, ret, error);
}

static void publish(World *w, PublishResult *ret)
{
        _cleanup_error_ Error error = ERROR_NULL;

        if (publish_with(w, &(PublishOptions){ .key = &w->key, .keep = 3 }, ret, &error) < 0)
                fail_msg("%s", error.message);
}

static int pull(World *w, bool force, PullResult *ret, Error *error)
{
        PullOptions options = { .force = force, .on_note = on_note, .userdata = w };

        return pull_ref(&w->to, w->transfer, &w->remote, NAME, &options, ret, error);
}

static void must_pull(World *w, PullResult *ret)
{
        _cleanup_error_ Error error = ERROR_NULL;

        if (pull(w, false, ret, &error) < 0)
                fail_msg("%s", error.message);
}

/* A text that does not compress to nothing, with a number in it. */
static void write_big(const ScratchStore *s, const char *name, unsigned number)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        unsigned x = 1;

        for (unsigned i = 0; i < 5000; i++) {
                x = x * 1103515245 + 12345;
                buffer_printf(&text, "%u\n", i == 2500 ? number : x);
        }
        scratch_write(s->tree_fd, name, text.data, 0644);
}

static void commit(World *w, Hash *ret)
{
        Hash tree;

        scratch_commit(w->from, NAME, NULL, ret, &tree);
}

static void first_version(World *w, Hash *ret)
{
        PublishResult published;

        write_big(w->from, "big", 1);
        scratch_write(w->from->tree_fd, "small", "small", 0755);
        scratch_write(w->from->tree_fd, "twin", "small", 0600);
        (void)symlinkat("small", w->from->tree_fd, "link");
        commit(w, ret);
        publish(w, &published);
}

static void check_complete(const World *w, const Hash *commit)
{
        _cleanup_commit_ Commit c = COMMIT_NULL;
        _cleanup_manifest_ Manifest m = MANIFEST_NULL;
        Hash id;

        assert_int_equal(store_load_commit(&w->to, commit, &c, NULL), 0);
        assert_int_equal(store_load_tree(&w->to, &c.tree, &m, NULL), 0);
        for (size_t i = 0; i < m.n; i++) {
                if (!entry_is_object(&m.entries[i]))
                        continue;
                assert_int_equal(entry_object_id(w->to.hasher, &m.entries[i], &id), 0);
                assert_int_equal(store_has_object(&w->to, &id), 1);
        }
}

static void test_first_and_again(void **state)
{
        _cleanup_ref_ Ref ref = REF_NULL;
        PublishResult published;
        PullResult pulled;
        Hash v1;
        World w;

        world_open(&w, *state);
        first_version(&w, &v1);
        must_pull(&w, &pulled);
        assert_true(pulled.changed && hash_is_null(&pulled.before));
        assert_true(hash_equal(&pulled.after, &v1));
        check_complete(&w, &v1);
        assert_int_equal(store_load_ref(&w.to, NAME, &ref, NULL), 0);
        assert_string_equal(ref.origin, "r");

        must_pull(&w, &pulled);
        assert_false(pulled.changed);
        assert_int_equal(pulled.count.requests, 1);
        publish(&w, &published); /* nothing new on this side either */
        assert_false(published.changed);
        assert_int_equal(published.n_files, 0);
        assert_null(w.note);
        world_close(&w);
}

static void test_update(void **state)
{
        PublishResult published;
        PullResult pulled;
        struct timespec times[2] = { { .tv_sec = 1600000000 }, { .tv_sec = 1600000000 } };
        Hash v1, v2;
        World w;

        world_open(&w, *state);
        first_version(&w, &v1);
        must_pull(&w, &pulled);
        write_big(w.from, "big", 2);
        scratch_write(w.from->tree_fd, "added", "added", 0644);
        assert_return_code(utimensat(w.from->tree_fd, "small", times, 0), errno);
        commit(&w, &v2);
        publish(&w, &published);
        assert_true(published.changed);
        assert_int_equal(published.n_deltas, 1);
        assert_true(published.delta_bytes < 500);
        must_pull(&w, &pulled);
        assert_true(hash_equal(&pulled.before, &v1) && hash_equal(&pulled.after, &v2));
        assert_int_equal(pulled.count.requests, 4);
        assert_int_equal(pulled.n_contents, 2); /* "small" has another time, and is here */
        assert_true(pulled.count.bytes < 3000);
        check_complete(&w, &v2);
        assert_null(w.note);
        world_close(&w);
}

/* From a version that is two back, and from nothing: packs of two versions. */
static void test_skipped(void **state)
{
        PublishResult published;
        PullResult pulled;
        Hash v1, v3;
        World w, fresh;
        char path[96];

        world_open(&w, *state);
        first_version(&w, &v1);
        must_pull(&w, &pulled);
        for (unsigned i = 2; i <= 3; i++) {
                write_big(w.from, "big", i);
                commit(&w, &v3);
                publish(&w, &published);
        }
        assert_int_equal(published.n_deltas, 2);
        must_pull(&w, &pulled);
        assert_int_equal(pulled.count.requests, 4);
        check_complete(&w, &v3);

        fresh = w;
        (void)snprintf(path, sizeof(path), "%s/fresh", w.from->path);
        assert_int_equal(store_open(path, STORE_ADD, &fresh.to, NULL), 0);
        must_pull(&fresh, &pulled);
        check_complete(&fresh, &v3);
        assert_true(pulled.count.requests <= 7);
        store_close(&fresh.to);
        world_close(&w);
}

static void test_repair(void **state)
{
        PullResult pulled;
        ObjectPath object;
        Hash v1;
        Commit c = COMMIT_NULL;
        World w;

        world_open(&w, *state);
        first_version(&w, &v1);
        must_pull(&w, &pulled);
        assert_int_equal(store_load_commit(&w.to, &v1, &c, NULL), 0);
        object = scratch_object(w.from, &c.tree, "/small");
        assert_return_code(unlinkat(w.to.fd, object.path, 0), errno);
        must_pull(&w, &pulled);
        assert_true(pulled.repaired);
        assert_int_equal(pulled.n_local, 1); /* made from its twin */
        check_complete(&w, &v1);
        commit_done(&c);
        world_close(&w);
}

static void test_expired(void **state)
{
        PublishOptions options;
        PublishResult published;
        PullResult pulled;
        Hash v1;
        World w;

        world_open(&w, *state);
        first_version(&w, &v1);
        options = (PublishOptions){ .key = &w.key, .expires = time(NULL) - 5 };
        assert_int_equal(publish_with(&w, &options, &published, NULL), 0);
        assert_int_equal(pull(&w, false, &pulled, NULL), -EKEYEXPIRED);
        assert_int_equal(pull(&w, true, &pulled, NULL), 0);
        world_close(&w);
}

static void test_diverged(void **state)
{
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_ref_ Ref local = REF_NULL;
        PublishOptions options;
        PublishResult published;
        PullResult pulled;
        Hash v1, other, tree;
        World w;
        ScratchStore to;

        world_open(&w, *state);
        options = (PublishOptions){ .key = &w.key };
        first_version(&w, &v1);
        must_pull(&w, &pulled);
        /* somebody commits on top of it here: the remote has nothing to add */
        to = *w.from;
        to.store = w.to;
        scratch_write(w.from->tree_fd, "mine", "mine", 0644);
        scratch_commit(&to, NAME, NULL, &other, &tree);
        assert_int_equal(store_load_ref(&w.to, NAME, &local, NULL), 0);
        free(TAKE_PTR(local.origin)); /* as all that commit do: it is not the remote's any more */
        assert_int_equal(store_save_ref(&w.to, &local, NULL, NULL), 0);
        must_pull(&w, &pulled);
        assert_true(pulled.ahead);
        /* and there, too */
        scratch_write(w.from->tree_fd, "mine", "theirs", 0644);
        commit(&w, &v1);
        publish(&w, &published);
        assert_int_equal(pull(&w, false, &pulled, &error), -ESTALE);
        assert_int_equal(pull(&w, true, &pulled, NULL), 0);
        check_complete(&w, &v1);

        /* the publisher cannot go back by mistake either */
        scratch_write(w.from->tree_fd, "mine", "third", 0644);
        assert_int_equal(store_remove_ref(&w.from->store, NAME, NULL), 0);
        commit(&w, &v1);
        assert_int_equal(publish_with(&w, &options, &published, NULL), -ESTALE);
        options.force = true;
        assert_int_equal(publish_with(&w, &options, &published, NULL), 0);
        world_close(&w);
}

static void test_prune(void **state)
{
        _cleanup_publication_ Publication p = PUBLICATION_NULL;
        PublishResult published;
        PruneResult pruned;
        PullResult pulled;
        Hash v;
        World w;

        world_open(&w, *state);
        first_version(&w, &v);
        for (unsigned i = 2; i <= 5; i++) {
                write_big(w.from, "big", i);
                commit(&w, &v);
                publish(&w, &published);
        }
        assert_int_equal(publication_open(w.site, &p, NULL), 0);
        assert_int_equal(publish_prune(&p, 1, &pruned, NULL), 0);
        assert_true(pruned.n_files >= 3 * 3);
        assert_int_equal(publish_prune(&p, 1, &pruned, NULL), 0);
        assert_int_equal(pruned.n_files, 0);
        publication_close(&p);
        must_pull(&w, &pulled);
        check_complete(&w, &v);
        assert_null(w.note);
        publish(&w, &published); /* what is needed is still there */
        assert_int_equal(published.n_files, 0);
        world_close(&w);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_STORE(test_first_and_again), WITH_STORE(test_update),
                WITH_STORE(test_skipped),         WITH_STORE(test_repair),
                WITH_STORE(test_expired),         WITH_STORE(test_diverged),
                WITH_STORE(test_prune),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
