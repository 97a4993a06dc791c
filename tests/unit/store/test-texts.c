/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Manifests, commits and refs: what is written is read back, and nothing else is. */

#include "../unit.h"
#include "store/commit.h"
#include "store/manifest-diff.h"
#include "store/manifest.h"
#include "store/ref.h"

#include <stdio.h>
#include <string.h>

#define HASH_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const char whole[] = "stead-tree 1\n"
                            "d 755 0 0 1700000000 /\n"
                            "d 755 0 0 -5 /a\n"
                            "f 4755 0 42 1700000000 12 " HASH_A " /a/b\\040c\n"
                            "x security.capability 0100000200200000\n"
                            "x user.note \n"
                            "h /a/b\\040c /a/d\n"
                            "l 0 0 1700000000 ../a\\134x /a/l\n"
                            "f 644 0 0 1700000000 0 " HASH_A " /a.b\n"
                            "b 660 0 6 1700000000 8:1 /disk\n"
                            "p 600 0 0 1700000000 /fifo\n"
                            "D 1777 0 0 1700000000 /tmp\n"
                            "w /tmp/gone\n";

static int parse(const char *text, Manifest *ret, Error *error)
{
        return manifest_parse("m", text, strlen(text), ret, error);
}

static void test_round_trip(void **state)
{
        _cleanup_manifest_ Manifest m = MANIFEST_NULL;
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        const Entry *e;
        size_t first;

        assert_int_equal(parse(whole, &m, NULL), 0);
        assert_int_equal(manifest_write(&m, &text, NULL), 0);
        assert_string_equal(text.data, whole);
        e = manifest_find(&m, "/a/b c");
        assert_non_null(e);
        assert_int_equal(e->n_attributes, 2);
        assert_int_equal(e->attributes[0].size, 8);
        assert_ptr_equal(manifest_resolve_link(&m, manifest_find(&m, "/a/d")), e);
        assert_string_equal(manifest_find(&m, "/a/l")->target, "../a\\x");
        assert_null(manifest_find(&m, "/a/b"));
        assert_true(manifest_find(&m, "/tmp")->opaque);
        assert_int_equal(manifest_below(&m, "/a", &first), 4); /* and not /a.b */
        assert_string_equal(m.entries[first].path, "/a");
        assert_int_equal(manifest_below(&m, "/none", &first), 0);
}

/* Each is refused, with its line. */
static void test_refused(void **state)
{
        static const struct {
                const char *text, *place;
        } cases[] = {
                { "", "m:1:" },
                { "stead-tree 2\nd 755 0 0 0 /\n", "m:1:" },
                { "stead-tree 1\n", "m:1:" },
                { "stead-tree 1\nd 755 0 0 0 /", "m:1:" },
                { "stead-tree 1\nd 755 0 0 0 /a\n", "m:2:" },
                { "stead-tree 1\nf 755 0 0 0 0 " HASH_A " /\n", "m:2:" },
                { "stead-tree 1\nd 755 0 0 0 /\nd 755 0 0 0 /\n", "m:3:" },
                { "stead-tree 1\nd 755 0 0 0 /\nd 755 0 0 0 /b\nd 755 0 0 0 /a\n", "m:4:" },
                { "stead-tree 1\nd 755 0 0 0 /\nd 755 0 0 0 /a/b\n", "m:3:" },
                { "stead-tree 1\nd 755 0 0 0 /\nw /a\nw /a/b\n", "m:4:" },
                { "stead-tree 1\nd 755 0 0 0 /\nd 755 0 0 0 /..\n", "m:3:" },
                { "stead-tree 1\nd 755 0 0 0 /\nd 755 0 0 0 /a//b\n", "m:3:" },
                { "stead-tree 1\nd 755 0 0 0 /\nd 755 0 0 0 /a/\n", "m:3:" },
                { "stead-tree 1\nd 0755 0 0 0 /\n", "m:2:" },
                { "stead-tree 1\nd 755 0 0 0 /\nd 755 0 0 0 /\\141\n", "m:3:" },
                { "stead-tree 1\nd 755 0 0 0 /\nd 755 0 0 0 /\\00\n", "m:3:" },
                { "stead-tree 1\nd 755 0 0 0  /\n", "m:2:" },
                { "stead-tree 1\nd 755 4294967295 0 0 /\n", "m:2:" },
                { "stead-tree 1\nd 755 0 0 0 /\nh /b /a\n", "m:3:" },
                { "stead-tree 1\nd 755 0 0 0 /\nd 755 0 0 0 /a\nh /a /b\n", "m:4:" },
                { "stead-tree 1\nx a.b 00\n", "m:2:" },
                { "stead-tree 1\nd 755 0 0 0 /\nx trusted.overlay.opaque 79\n", "m:3:" },
                { "stead-tree 1\nd 755 0 0 0 /\nx b.b 00\nx a.a 00\n", "m:4:" },
                { "stead-tree 1\nd 755 0 0 0 /\nc 600 0 0 0 4096:0 /c\n", "m:3:" },
                { "stead-tree 1\nd 755 0 0 0 /\nl 0 0 0  /l\n", "m:3:" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_manifest_ Manifest m = MANIFEST_NULL;
                _cleanup_error_ Error error = ERROR_NULL;

                if (parse(cases[i].text, &m, &error) != -EBADMSG ||
                    strncmp(error.message, cases[i].place, 4) != 0)
                        fail_msg("case %zu: %s", i, error.message ?: "accepted");
        }
}

static int write_change(ChangeKind kind, const Entry *before, const Entry *after, void *userdata)
{
        buffer_printf(userdata, "%u %s\n", kind, (before ?: after)->path);
        return 0;
}

static void test_diff(void **state)
{
        static const char other[] = "stead-tree 1\n"
                                    "d 755 0 0 1700000000 /\n"
                                    "d 700 0 0 -5 /a\n"
                                    "f 4755 0 42 1700000001 12 " HASH_A " /a/b\\040c\n"
                                    "x security.capability 0100000200200000\n"
                                    "x user.note \n"
                                    "h /a/b\\040c /a/d\n"
                                    "l 0 0 1700000000 ../b /a/l\n"
                                    "f 644 0 0 1700000000 0 " HASH_A " /a.b\n"
                                    "p 600 0 0 1700000000 /fifo\n"
                                    "D 1777 0 0 1700000000 /tmp\n"
                                    "w /tmp/gone\n"
                                    "w /z\n";
        _cleanup_manifest_ Manifest a = MANIFEST_NULL, b = MANIFEST_NULL;
        _cleanup_buffer_ Buffer out = BUFFER_NULL;

        assert_int_equal(parse(whole, &a, NULL), 0);
        assert_int_equal(parse(other, &b, NULL), 0);
        assert_int_equal(manifest_diff(&a, &b, write_change, &out), 0);
        assert_string_equal(out.data, "3 /a\n4 /a/b c\n2 /a/l\n1 /disk\n0 /z\n");
}

static void test_commit(void **state)
{
        static const char text[] = "stead-commit 1\n"
                                   "kind app\n"
                                   "tree " HASH_A "\n"
                                   "base " HASH_A " debian/12/base\n"
                                   "time 1790000000\n"
                                   "label os debian/12\n"
                                   "label zone a\\040b\n"
                                   "message two\\040words\\012and\\040a\\040line\n";
        static const char *const refused[] = {
                "stead-commit 1\nkind app\ntime 1\n",
                "stead-commit 1\nkind none\ntree " HASH_A "\ntime 1\n",
                "stead-commit 1\ntree " HASH_A "\nkind app\ntime 1\n",
                "stead-commit 1\nkind app\ntree " HASH_A "\ntime 1\ntime 2\n",
        };
        _cleanup_commit_ Commit c = COMMIT_NULL;
        _cleanup_buffer_ Buffer out = BUFFER_NULL;

        assert_int_equal(commit_parse("c", text, strlen(text), &c, NULL), 0);
        assert_int_equal(c.kind, LAYER_APP);
        assert_string_equal(commit_label(&c, "zone"), "a b");
        assert_string_equal(c.message, "two words\nand a line");
        assert_int_equal(commit_write(&c, &out), 0);
        assert_string_equal(out.data, text);
        for (size_t i = 0; i < ELEMENTSOF(refused); i++) {
                _cleanup_commit_ Commit bad = COMMIT_NULL;

                assert_int_equal(commit_parse("c", refused[i], strlen(refused[i]), &bad, NULL),
                                 -EBADMSG);
        }
}

static void test_ref(void **state)
{
        static const char text[] = "stead-ref 1\nname debian/12/base\ncommit " HASH_A "\n"
                                   "sequence 7\ntime 1790000000\n"
                                   "signature 0123456789abcdef AAAA+/==\n";
        static const char more[] = "stead-ref 1\nname a\ncommit " HASH_A "\nsequence 1\ntime 1\n"
                                   "signature 0 A\norigin x\n";
        _cleanup_ref_ Ref ref = REF_NULL, bad = REF_NULL;

        assert_int_equal(ref_parse("r", text, strlen(text), &ref, NULL), 0);
        assert_int_equal(ref.sequence, 7);
        assert_memory_equal(text + ref.signed_size, "signature", 9);
        /* nothing may follow what is signed */
        assert_int_equal(ref_parse("r", more, strlen(more), &bad, NULL), -EBADMSG);
        assert_true(ref_name_is_valid("site/web-1.2+b_3"));
        assert_true(ref_name_is_valid("site.ref"));
        assert_false(ref_name_is_valid("site.ref/web"));
        assert_false(ref_name_is_valid("site/"));
        assert_false(ref_name_is_valid("/site"));
        assert_false(ref_name_is_valid("a/../b"));
        assert_false(ref_name_is_valid("a@b"));
        assert_false(ref_name_is_valid(""));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip), cmocka_unit_test(test_refused),
                cmocka_unit_test(test_diff),       cmocka_unit_test(test_commit),
                cmocka_unit_test(test_ref),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
