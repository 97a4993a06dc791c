/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What goes and what stays, and a collection that is killed. */

#include "scratch-layer.h"

#include "store/checkout.h"
#include "store/fsck.h"
#include "store/gc.h"

#include <signal.h>
#include <sys/wait.h>

static GcResult collect(ScratchStore *s, unsigned keep, const Hash *roots, size_t n, bool dry_run)
{
        _cleanup_error_ Error error = ERROR_NULL;
        GcRequest request = { .keep = keep, .roots = roots, .n_roots = n, .dry_run = dry_run };
        GcResult result = {};

        scratch_reopen(s, STORE_REMOVE);
        if (gc_run(&s->store, &request, &result, &error) < 0)
                fail_msg("%s", error.message);
        scratch_reopen(s, STORE_ADD);
        return result;
}

static void on_defect(const char *defect, bool repaired, void *userdata)
{
        fail_msg("%s", defect);
}

static void assert_sound(ScratchStore *s)
{
        assert_int_equal(fsck_run(&s->store, false, NULL, on_defect, NULL, NULL), 0);
}

/* Versions 1 to @n of a file of its own and a common one. */
static void make_versions(ScratchStore *s, const char *name, unsigned n, Hash *commits, Hash *trees)
{
        char text[64];

        scratch_write(s->tree_fd, "common", "in all of them", 0644);
        for (unsigned i = 0; i < n; i++) {
                (void)snprintf(text, sizeof(text), "version %u of %s", i + 1, name);
                scratch_write(s->tree_fd, "version", text, 0644);
                scratch_commit(s, name, NULL, &commits[i], &trees[i]);
        }
}

static void test_versions(void **state)
{
        ScratchStore *s = *state;
        Hash commits[4], trees[4];
        ObjectPath old, new, common;
        GcResult counted, removed;

        make_versions(s, "debian/12/base", 4, commits, trees);
        old = scratch_object(s, &trees[1], "/version");
        new = scratch_object(s, &trees[3], "/version");
        common = scratch_object(s, &trees[0], "/common");

        counted = collect(s, 2, NULL, 0, true);
        assert_int_equal(counted.n_trees, 2);
        assert_int_equal(counted.n_objects, 2);
        assert_true(counted.bytes > 0);
        assert_true(store_has_tree(&s->store, &trees[0]) && scratch_has(s, old.path));

        removed = collect(s, 2, NULL, 0, false);
        assert_memory_equal(&counted, &removed, sizeof(counted));
        assert_false(store_has_tree(&s->store, &trees[1]));
        assert_true(store_has_tree(&s->store, &trees[2]) && store_has_tree(&s->store, &trees[3]));
        assert_false(scratch_has(s, old.path));
        assert_true(scratch_has(s, new.path) && scratch_has(s, common.path));
        assert_true(store_has_commit(&s->store, &commits[0])); /* the history stays */
        assert_sound(s);

        removed = collect(s, 0, NULL, 0, false); /* the last one always stays */
        assert_int_equal(removed.n_trees, 1);
        assert_true(store_has_tree(&s->store, &trees[3]));
        removed = collect(s, 1, NULL, 0, false);
        assert_int_equal(removed.n_objects + removed.n_trees + removed.n_checkouts, 0);
        assert_sound(s);
}

static void test_roots(void **state)
{
        ScratchStore *s = *state;
        Hash commits[4], trees[4], roots[2];
        GcResult removed;

        make_versions(s, "base", 4, commits, trees);
        roots[0] = commits[1]; /* a generation */
        roots[1] = trees[2];   /* a generated layer has no version */
        removed = collect(s, 1, roots, 2, false);
        assert_int_equal(removed.n_trees, 1);
        for (size_t i = 1; i < 4; i++)
                assert_true(store_has_tree(&s->store, &trees[i]));
        assert_sound(s);
}

/* A merge compares an app with what it was made on. */
static void test_base_of_app(void **state)
{
        ScratchStore *s = *state;
        Hash commits[3], trees[3], app, app_tree;
        ObjectPath old;

        make_versions(s, "base", 3, commits, trees);
        old = scratch_object(s, &trees[0], "/version");
        scratch_write(s->tree_fd, "program", "app", 0755);
        scratch_commit(s, "site/app", &commits[0], &app, &app_tree);
        (void)collect(s, 1, NULL, 0, false);
        assert_true(store_has_tree(&s->store, &trees[0]) && scratch_has(s, old.path));
        assert_false(store_has_tree(&s->store, &trees[1]));
        /* as long as there is the app */
        assert_int_equal(store_remove_ref(&s->store, "site/app", NULL), 0);
        (void)collect(s, 1, NULL, 0, false);
        assert_false(store_has_tree(&s->store, &trees[0]) || scratch_has(s, old.path));
        assert_false(store_has_tree(&s->store, &app_tree));
        assert_sound(s);
}

static void test_checkouts(void **state)
{
        ScratchStore *s = *state;
        Hash commits[3], trees[3];
        _cleanup_close_ int used = -EBADF;
        GcResult counted, removed;
        struct stat st;

        make_versions(s, "base", 3, commits, trees);
        for (size_t i = 0; i < 3; i++) {
                _cleanup_free_ char *path = NULL;

                assert_int_equal(checkout_make(&s->store, &trees[i], NULL, &path, NULL), 0);
        }
        assert_int_equal(checkout_lock(&s->store, &trees[0], &used, NULL), 0);
        counted = collect(s, 1, NULL, 0, true);
        removed = collect(s, 1, NULL, 0, false);
        assert_memory_equal(&counted, &removed, sizeof(counted));
        assert_int_equal(removed.n_checkouts, 1);
        assert_int_equal(removed.n_trees, 1);
        assert_true(checkout_exists(&s->store, &trees[0]));  /* a machine runs on it */
        assert_false(checkout_exists(&s->store, &trees[1])); /* nobody does */
        assert_true(checkout_exists(&s->store, &trees[2]));  /* the last version */
        assert_return_code(fstatat(used, "version", &st, 0), errno);
        assert_sound(s);
        closep(&used);
        used = -EBADF;
        removed = collect(s, 1, NULL, 0, false);
        assert_int_equal(removed.n_checkouts, 1);
        assert_sound(s);
}

static void test_left_overs(void **state)
{
        ScratchStore *s = *state;
        _cleanup_manifest_ Manifest m = MANIFEST_NULL;
        Hash commit, tree;
        GcResult removed;
        ObjectPath p;
        Hash id;

        scratch_write(s->tree_fd, "file", "text", 0644);
        scratch_commit(s, "a/b", NULL, &commit, &tree);
        assert_return_code(mkdirat(s->store.fd, "stage/another-boot", 0700), errno);
        scratch_write(s->store.fd, "stage/another-boot/x", "", 0600);
        scratch_write(s->store.fd, "trees/.x.1.tmp", "", 0600);
        scratch_write(s->store.fd, "refs/a/.b.ref.1.tmp", "", 0600);
        assert_return_code(mkdirat(s->store.fd, "checkouts/.hash.1", 0700), errno);
        scratch_write(s->store.fd, "checkouts/.hash.1/x", "", 0600);
        assert_return_code(mkdirat(s->store.fd, "damaged", 0700), errno);
        /* what a cut pull has got so far is of use for a day */
        scratch_write(s->tree_fd, "file", "another text", 0644);
        assert_int_equal(ingest_tree(&s->store, s->tree_fd, &(IngestOptions){}, &m, NULL), 0);
        assert_int_equal(entry_object_id(s->store.hasher, manifest_find(&m, "/file"), &id), 0);
        p = object_path(&id);

        removed = collect(s, 1, NULL, 0, true);
        assert_true(scratch_has(s, "stage/another-boot") && scratch_has(s, "damaged"));
        removed = collect(s, 1, NULL, 0, false);
        assert_int_equal(removed.n_objects + removed.n_trees + removed.n_checkouts, 0);
        assert_false(scratch_has(s, "stage/another-boot"));
        assert_false(scratch_has(s, "trees/.x.1.tmp"));
        assert_false(scratch_has(s, "refs/a/.b.ref.1.tmp"));
        assert_false(scratch_has(s, "checkouts/.hash.1"));
        assert_false(scratch_has(s, "damaged"));
        assert_true(scratch_has(s, "refs/a/b.ref"));
        assert_int_equal(store_has_object(&s->store, &id), 1);
        assert_false(scratch_has(s, p.path));
}

static void test_damaged_tree(void **state)
{
        ScratchStore *s = *state;
        _cleanup_error_ Error error = ERROR_NULL;
        Hash commits[2], trees[2];
        GcResult removed = {};
        char path[96], text[HASH_TEXT_SIZE];
        ObjectPath common;

        make_versions(s, "base", 2, commits, trees);
        common = scratch_object(s, &trees[1], "/common");
        (void)snprintf(path, sizeof(path), "trees/%s", hash_to_string(&trees[1], text));
        scratch_write(s->store.fd, path, "stead-tree 1\n", 0600);
        scratch_reopen(s, STORE_REMOVE);
        assert_int_equal(gc_run(&s->store, &(GcRequest){ .keep = 1 }, &removed, &error), -EBADMSG);
        assert_non_null(strstr(error.hint, "stead layer fsck --repair"));
        assert_true(store_has_tree(&s->store, &trees[0]) && scratch_has(s, common.path));
}

/* Killed at any moment, the store is sound, and the next one does the rest. */
static void test_killed(void **state)
{
        ScratchStore *s = *state;
        Hash commits[2], trees[2];
        char name[16];

        for (unsigned round = 0; round < 8; round++) {
                pid_t pid;
                int status;

                for (unsigned i = 0; i < 120; i++) {
                        (void)snprintf(name, sizeof(name), "%u.%u", round, i);
                        scratch_write(s->tree_fd, name, name, 0644);
                }
                scratch_commit(s, "base", NULL, &commits[0], &trees[0]);
                for (unsigned i = 0; i < 120; i++) {
                        (void)snprintf(name, sizeof(name), "%u.%u", round, i);
                        assert_return_code(unlinkat(s->tree_fd, name, 0), errno);
                }
                scratch_commit(s, "base", NULL, &commits[1], &trees[1]);
                store_close(&s->store);
                pid = fork();
                assert_true(pid >= 0);
                if (pid == 0) {
                        GcResult result;

                        scratch_reopen(s, STORE_REMOVE);
                        _exit(gc_run(&s->store, &(GcRequest){ .keep = 1 }, &result, NULL) < 0);
                }
                (void)usleep(round * 500);
                (void)kill(pid, SIGKILL);
                assert_int_equal(waitpid(pid, &status, 0), pid);
                scratch_reopen(s, STORE_ADD);
                assert_sound(s);
        }
        (void)collect(s, 1, NULL, 0, false);
        assert_int_equal(collect(s, 1, NULL, 0, false).n_objects, 0);
        assert_sound(s);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_STORE(test_versions),    WITH_STORE(test_roots),
                WITH_STORE(test_base_of_app), WITH_STORE(test_checkouts),
                WITH_STORE(test_left_overs),  WITH_STORE(test_damaged_tree),
                WITH_STORE(test_killed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
