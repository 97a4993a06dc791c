/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys and remotes: what is written is read again, what is signed is verified, and every other
 * thing is refused with its reason. */

#include "scratch-store.h"

#include "store/remote.h"

#include <sys/stat.h>

static const char *keys_path(const ScratchStore *s, const char *below)
{
        static char path[128];

        (void)snprintf(path, sizeof(path), "%s/%s", s->path, below);
        return path;
}

static void make_key(const ScratchStore *s, const char *name, Key *ret)
{
        assert_int_equal(key_make(keys_path(s, "keys"), name, ret, NULL), 0);
}

static void test_make_and_load(void **state)
{
        const ScratchStore *s = *state;
        _cleanup_key_ Key made = KEY_NULL, loaded = KEY_NULL, public = KEY_NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        struct stat st;

        make_key(s, "site", &made);
        assert_return_code(stat(keys_path(s, "keys/site.key"), &st), errno);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(key_load(keys_path(s, "keys"), "site", &loaded, NULL), 0);
        assert_memory_equal(loaded.bytes, made.bytes, KEY_SIZE);
        assert_string_equal(loaded.id, made.id);
        assert_int_equal(key_read_public(keys_path(s, "keys/site.pub"), &public, NULL), 0);
        assert_memory_equal(public.bytes, made.bytes, KEY_SIZE);
        assert_string_equal(public.name, "site");
        assert_null(public.pair);
        assert_int_equal(key_make(keys_path(s, "keys"), "site", &public, &error), -EEXIST);
}

static void test_list(void **state)
{
        const ScratchStore *s = *state;
        _cleanup_key_ Key a = KEY_NULL, b = KEY_NULL;
        Key *list = NULL;
        size_t n;

        assert_int_equal(key_list(keys_path(s, "keys"), &list, &n, NULL), 0);
        assert_int_equal(n, 0);
        make_key(s, "two", &a);
        make_key(s, "one", &b);
        assert_int_equal(key_list(keys_path(s, "keys"), &list, &n, NULL), 0);
        assert_int_equal(n, 2);
        assert_string_equal(list[0].name, "one");
        assert_string_equal(list[1].id, a.id);
        key_list_free(list, n);
}

static void test_signature(void **state)
{
        const ScratchStore *s = *state;
        _cleanup_key_ Key mine = KEY_NULL, other = KEY_NULL;
        _cleanup_ref_ Ref ref = { .name = strdup("a/b"), .sequence = 3, .time = 1700000000 },
                          parsed = REF_NULL;
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        char *digit;

        memset(ref.commit.bytes, 7, HASH_SIZE);
        make_key(s, "mine", &mine);
        make_key(s, "other", &other);
        assert_int_equal(key_sign_ref(&mine, &ref, &text, NULL), 0);
        assert_int_equal(ref_parse("r", text.data, text.size, &parsed, NULL), 0);
        assert_int_equal(key_verify_ref(&mine, 1, &parsed, text.data, NULL), 0);
        assert_int_equal(key_verify_ref(&other, 1, &parsed, text.data, &error), -EKEYREJECTED);
        assert_non_null(strstr(error.message, "not trusted"));

        /* what is signed was changed */
        digit = strstr(text.data, "sequence 3");
        digit[9] = '4';
        assert_int_equal(key_verify_ref(&mine, 1, &parsed, text.data, NULL), -EKEYREJECTED);

        /* no signature at all */
        free(TAKE_PTR(parsed.signature));
        assert_int_equal(key_verify_ref(&mine, 1, &parsed, text.data, NULL), -EKEYREJECTED);
}

static void test_bad_public(void **state)
{
        static const char *const bad[] = {
                "",
                "ed25519",
                "ed25519 AAAA",
                "rsa JPcv/kw9ukhsvh2Rx3MBLbVQyLuk/slShKNNTV/IFYw= a",
                "ed25519 JPcv/kw9ukhsvh2Rx3MBLbVQyLuk/slShKNNTV/IFYw",
                "ed25519 JPcv/kw9ukhsvh2Rx3MBLbVQyLuk/slShKNNTV/IFYx= a", /* spare bits */
                "ed25519 JPcv/kw9ukhsvh2Rx3MBLbVQyLuk/slShKNNTV/IFYw= a/b",
                "ed25519 JPcv/kw9ukhsvh2Rx3MBLbVQyLuk/slShKNNTV/IFYw= a b",
                "ed25519 JPcv/kw9ukhsvh2Rx3MBLbVQyLuk/slShKNNTV/IFYw=AAAA a",
        };
        Key k;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(key_parse_public(bad[i], &k, NULL), -EINVAL);
        assert_int_equal(
                key_parse_public("ed25519 JPcv/kw9ukhsvh2Rx3MBLbVQyLuk/slShKNNTV/IFYw= a\n", &k,
                                 NULL),
                0);
        key_done(&k);
}

static void test_bad_private(void **state)
{
        const ScratchStore *s = *state;
        _cleanup_error_ Error error = ERROR_NULL;
        Key k;

        scratch_write(s->fd, "bad.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n", 0600);
        assert_int_equal(key_load("/", keys_path(s, "bad.key"), &k, &error), -EINVAL);
        assert_non_null(strstr(error.message, "bad.key"));
        assert_int_equal(key_load(keys_path(s, "keys"), "none", &k, NULL), -ENOENT);
        assert_int_equal(key_load(keys_path(s, "keys"), "..", &k, NULL), -EINVAL);
}

static void test_remote(void **state)
{
        const ScratchStore *s = *state;
        _cleanup_remote_ Remote made = { .name = strdup("site") }, loaded = REMOTE_NULL;
        _cleanup_key_ Key k = KEY_NULL;
        Remote *list;
        size_t n;

        make_key(s, "site", &k);
        assert_int_equal(remote_set_url(&made, "https://example.org/layers//", NULL), 0);
        assert_string_equal(made.url, "https://example.org/layers");
        assert_int_equal(remote_add_key(&made, keys_path(s, "keys/site.pub"), NULL), 0);
        assert_int_equal(remote_save(keys_path(s, "remotes"), &made, false, NULL), 0);
        assert_int_equal(remote_save(keys_path(s, "remotes"), &made, false, NULL), -EEXIST);
        assert_int_equal(remote_save(keys_path(s, "remotes"), &made, true, NULL), 0);
        assert_int_equal(remote_load(keys_path(s, "remotes"), "site", &loaded, NULL), 0);
        assert_string_equal(loaded.url, made.url);
        assert_int_equal(loaded.n_keys, 1);
        assert_string_equal(loaded.keys[0].id, k.id);
        assert_int_equal(remote_list(keys_path(s, "remotes"), &list, &n, NULL), 0);
        assert_int_equal(n, 1);
        remote_list_free(list, n);
        assert_int_equal(remote_remove(keys_path(s, "remotes"), "site", NULL), 0);
        assert_int_equal(remote_load(keys_path(s, "remotes"), "site", &loaded, NULL), -ENOENT);
}

static void check_refused(const char *text, const char *origin, const char *message)
{
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        _cleanup_remote_ Remote remote = REMOTE_NULL;
        _cleanup_free_ char *copy = strdup(text);

        assert_int_equal(remote_parse("r.remote", copy, &remote, &diagnostics), 0);
        assert_true(diagnostics.n_errors > 0);
        assert_string_equal(diagnostics.items[0].origin, origin);
        if (!strstr(diagnostics.items[0].message, message))
                fail_msg("'%s' is not in '%s'", message, diagnostics.items[0].message);
}

static void test_bad_remote(void **state)
{
        check_refused("[Remote]\nUrl=ftp://x/\n", "r.remote:2", "https://");
        check_refused("[Remote]\nUrl=file://x/\n", "r.remote:2", "file:///");
        check_refused("[Remote]\nUrl=http://a b/\n", "r.remote:2", "without spaces");
        check_refused("[Remote]\nUrl=http://a/?x\n", "r.remote:2", "without spaces");
        check_refused("[Remote]\n\nKey=/nonexistent.pub\n", "r.remote:3", "No such file");
        check_refused("[Remote]\nKey=ed25519 short\n", "r.remote:2", "not a public key");
        check_refused("[Remote]\nURL=http://a/\n", "r.remote:2", "no key URL=");
        check_refused("[Remotes]\n", "r.remote:1", "no section");
        check_refused("[Remote]\nUrl=http://a/\n", "r.remote", "Key= is missing");
        check_refused("", "r.remote", "Url= is missing");
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, scratch_open, scratch_close)

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_STORE(test_make_and_load),    WITH_STORE(test_list),
                WITH_STORE(test_signature),        cmocka_unit_test(test_bad_public),
                WITH_STORE(test_bad_private),      WITH_STORE(test_remote),
                cmocka_unit_test(test_bad_remote),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
