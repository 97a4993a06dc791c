/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The store's own promises: staged is not published, refs move only from where they are thought to
 * be, words find versions. */

#include "scratch-store.h"

#include <stdlib.h>
#include <sys/stat.h>

static void make_entry(const char *text, Entry *ret)
{
        *ret = (Entry){ .kind = ENTRY_FILE,
                        .path = strdup("/f"),
                        .mode = 0640,
                        .uid = getuid(),
                        .gid = getgid(),
                        .mtime = 1234567890,
                        .size = strlen(text) };
        assert_int_equal(hash_of(text, strlen(text), &ret->content), 0);
}

static int stage(Store *store, const char *text, const Entry *e, Error *error)
{
        _cleanup_close_ int fd = -EBADF;

        assert_int_equal(store_new_object(store, &fd, NULL), 0);
        assert_int_equal(write_all(fd, text, strlen(text)), 0);
        return store_stage_object(store, fd, e, false, error);
}

static void test_objects(void **state)
{
        ScratchStore *s = *state;
        _cleanup_manifest_ Manifest m = MANIFEST_NULL;
        const Manifest *list[] = { &m };
        _cleanup_close_ int fd = -EBADF;
        Entry e = ENTRY_NULL;
        struct stat st;
        Hash id;

        make_entry("hello", &e);
        assert_int_equal(entry_object_id(s->store.hasher, &e, &id), 0);
        assert_int_equal(store_has_object(&s->store, &id), 0);
        assert_int_equal(stage(&s->store, "hellO", &e, NULL), -EBADMSG);
        assert_int_equal(store_has_object(&s->store, &id), 0);
        assert_int_equal(stage(&s->store, "hello", &e, NULL), 0);
        assert_int_equal(stage(&s->store, "hello", &e, NULL), 0); /* whoever comes second */
        assert_int_equal(store_has_object(&s->store, &id), 1);
        assert_int_equal(faccessat(s->store.fd, object_path(&id).path, F_OK, 0), -1);

        assert_int_equal(manifest_add_take(&m, &e), 0);
        assert_int_equal(store_publish_objects(&s->store, list, 1, NULL), 0);
        assert_int_equal(store_publish_objects(&s->store, list, 1, NULL), 0);
        fd = store_open_object(&s->store, &id);
        assert_return_code(fstat(fd, &st), errno);
        assert_int_equal(st.st_mode & 07777, 0640);
        assert_int_equal(st.st_mtim.tv_sec, 1234567890);

        make_entry("missing", &e);
        assert_int_equal(manifest_add_take(&m, &e), 0);
        assert_int_equal(store_publish_objects(&s->store, list, 1, NULL), -ENOENT);
}

static Hash add_version(Store *store, const Hash *parent, int64_t time)
{
        Commit c = { .kind = LAYER_BASE, .tree = { { 1 } }, .parent = *parent, .time = time };
        Hash id;

        assert_int_equal(store_add_commit(store, &c, &id, NULL), 0);
        return id;
}

static void test_refs(void **state)
{
        ScratchStore *s = *state;
        Hash one = add_version(&s->store, &HASH_NULL, 1), two = add_version(&s->store, &one, 2);
        Ref ref = { .name = (char *)"a/b", .commit = one, .sequence = 1, .time = 1 }, *list;
        char text[HASH_TEXT_SIZE], word[HASH_TEXT_SIZE + 8];
        _cleanup_error_ Error error = ERROR_NULL;
        size_t n;
        Hash found;

        assert_int_equal(store_save_ref(&s->store, &ref, &HASH_NULL, NULL), 0);
        assert_int_equal(store_save_ref(&s->store, &ref, &HASH_NULL, NULL), -ESTALE);
        ref.commit = two;
        assert_int_equal(store_save_ref(&s->store, &ref, &two, NULL), -ESTALE);
        assert_int_equal(store_save_ref(&s->store, &ref, &one, NULL), 0);
        ref.name = (char *)"a";
        assert_int_equal(store_save_ref(&s->store, &ref, NULL, NULL), 0);

        assert_int_equal(store_resolve(&s->store, "a/b", &found, NULL, NULL), 0);
        assert_true(hash_equal(&found, &two));
        assert_int_equal(store_resolve(&s->store, "a/b~1", &found, NULL, NULL), 0);
        assert_true(hash_equal(&found, &one));
        assert_int_equal(store_resolve(&s->store, "a/b~2", &found, NULL, NULL), -ENOENT);
        (void)snprintf(word, sizeof(word), "a/b@%.8s", hash_to_string(&one, text));
        assert_int_equal(store_resolve(&s->store, word, &found, NULL, NULL), 0);
        assert_true(hash_equal(&found, &one));
        assert_int_equal(store_resolve(&s->store, "a/b@0123", &found, NULL, NULL), -EINVAL);
        ref.name = (char *)"pulled"; /* in part */
        ref.commit = add_version(&s->store, &(Hash){ { 9 } }, 3);
        assert_int_equal(store_save_ref(&s->store, &ref, NULL, NULL), 0);
        assert_int_equal(store_resolve(&s->store, "pulled~1", &found, NULL, &error), -ENOENT);
        assert_non_null(strstr(error.message, "are not in this store"));
        error_done(&error);
        assert_int_equal(store_remove_ref(&s->store, "pulled", NULL), 0);
        assert_int_equal(store_resolve(&s->store, "a/c", &found, NULL, &error), -ENOENT);
        assert_non_null(strstr(error.hint, "a/b"));

        assert_int_equal(store_list_refs(&s->store, &list, &n, NULL), 0);
        assert_int_equal(n, 2);
        assert_string_equal(list[1].name, "a/b");
        ref_list_free(list, n);
        assert_int_equal(store_remove_ref(&s->store, "a/b", NULL), 0);
        assert_int_equal(store_remove_ref(&s->store, "a/b", NULL), -ENOENT);
        assert_int_equal(store_resolve(&s->store, "a", &found, NULL, NULL), 0);
}

static void test_damage(void **state)
{
        ScratchStore *s = *state;
        Hash id = add_version(&s->store, &HASH_NULL, 3);
        _cleanup_commit_ Commit c = COMMIT_NULL;
        char path[16 + HASH_TEXT_SIZE] = "commits/";

        (void)hash_to_string(&id, path + strlen(path));
        assert_int_equal(store_load_commit(&s->store, &id, &c, NULL), 0);
        assert_int_equal(write_file_atomic_at(s->store.fd, path, "stead-commit 1\n", 0600), 0);
        assert_int_equal(store_load_commit(&s->store, &id, &c, NULL), -EBADMSG);
}

static void test_locks(void **state)
{
        ScratchStore *s = *state;
        Store second = STORE_NULL;

        assert_int_equal(store_open(s->store.path, STORE_REMOVE, &second, NULL), -EBUSY);
        assert_int_equal(store_open(s->store.path, STORE_ADD, &second, NULL), 0);
        store_close(&second);
        assert_int_equal(store_open("/nonexistent/stead", STORE_READ, &second, NULL), 0);
        assert_int_equal(store_load_commit(&second, &HASH_NULL, NULL, NULL), -ENOENT);
        store_close(&second);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_objects, scratch_open, scratch_close),
                cmocka_unit_test_setup_teardown(test_refs, scratch_open, scratch_close),
                cmocka_unit_test_setup_teardown(test_damage, scratch_open, scratch_close),
                cmocka_unit_test_setup_teardown(test_locks, scratch_open, scratch_close),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
