/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Layers over each other and apart again, as the texts of their manifests. */

#include "image/layer-flatten.h"

#include "../unit.h"

#include <string.h>

#define H1 "1111111111111111111111111111111111111111111111111111111111111111"
#define H2 "2222222222222222222222222222222222222222222222222222222222222222"
#define TOP "stead-tree 1\nd 755 0 0 1 /\n"
#define FILE1(path) "f 644 0 0 1 5 " H1 " " path "\n"
#define FILE2(path) "f 644 0 0 1 5 " H2 " " path "\n"
#define DIRECTORY(path) "d 755 0 0 1 " path "\n"
#define OPAQUE(path) "D 755 0 0 1 " path "\n"
#define LINK(target, path) "h " target " " path "\n"
#define WHITEOUT(path) "w " path "\n"

static void parse(const char *text, Manifest *m)
{
        _cleanup_error_ Error error = ERROR_NULL;

        if (manifest_parse("test", text, strlen(text), m, &error) < 0)
                fail_msg("%s\n%s", error.message, text);
}

static void check(const Manifest *m, const char *expected)
{
        _cleanup_manifest_ Manifest again = MANIFEST_NULL;
        _cleanup_buffer_ Buffer text = BUFFER_NULL;

        assert_int_equal(manifest_write(m, &text, NULL), 0);
        assert_string_equal(text.data, expected);
        parse(text.data, &again); /* it is a sound one */
}

static void flatten(const char *lower, const char *upper, bool whole, const char *expected)
{
        _cleanup_manifest_ Manifest a = MANIFEST_NULL, b = MANIFEST_NULL, m = MANIFEST_NULL;

        parse(lower, &a);
        parse(upper, &b);
        assert_int_equal(layer_flatten((const Manifest *const[]){ &a, &b }, 2, whole, &m), 0);
        check(&m, expected);
}

static void test_files(void **state)
{
        flatten(TOP FILE1("/a") DIRECTORY("/b") FILE1("/b/c") FILE1("/b.d"),
                TOP FILE2("/a") DIRECTORY("/b") FILE2("/b/d"), true,
                TOP FILE2("/a") DIRECTORY("/b") FILE1("/b/c") FILE2("/b/d") FILE1("/b.d"));
        /* a file over a directory, a directory over a file */
        flatten(TOP DIRECTORY("/a") FILE1("/a/x") FILE1("/b"),
                TOP FILE2("/a") DIRECTORY("/b") FILE2("/b/x"), true,
                TOP FILE2("/a") DIRECTORY("/b") FILE2("/b/x"));
}

static void test_whiteouts(void **state)
{
        const char *lower = TOP FILE1("/a") DIRECTORY("/b") FILE1("/b/x") DIRECTORY("/c")
                FILE1("/c/x") FILE1("/d");
        const char *upper =
                TOP WHITEOUT("/a") WHITEOUT("/b") OPAQUE("/c") FILE2("/c/y") WHITEOUT("/gone");

        flatten(lower, upper, true, TOP DIRECTORY("/c") FILE2("/c/y") FILE1("/d"));
        /* as a layer, they still hide what is further below */
        flatten(lower, upper, false,
                TOP WHITEOUT("/a") WHITEOUT("/b") OPAQUE("/c") FILE2("/c/y") FILE1("/d")
                        WHITEOUT("/gone"));
        flatten(TOP WHITEOUT("/a"), TOP DIRECTORY("/a") FILE1("/a/x"), false,
                TOP OPAQUE("/a") FILE1("/a/x"));
}

static void test_links(void **state)
{
        const char *lower = TOP FILE1("/a") LINK("/a", "/b") LINK("/a", "/c");

        flatten(lower, TOP FILE2("/d"), true,
                TOP FILE1("/a") LINK("/a", "/b") LINK("/a", "/c") FILE2("/d"));
        /* the first name goes, the others stay one file */
        flatten(lower, TOP WHITEOUT("/a"), true, TOP FILE1("/b") LINK("/b", "/c"));
        flatten(lower, TOP FILE2("/a"), true, TOP FILE2("/a") FILE1("/b") LINK("/b", "/c"));
        flatten(lower, TOP FILE2("/b"), true, TOP FILE1("/a") FILE2("/b") LINK("/a", "/c"));
}

/* @expected is the difference, and it makes @tree out of @base again. */
static void difference(const char *base, const char *tree, const char *expected)
{
        _cleanup_manifest_ Manifest a = MANIFEST_NULL, b = MANIFEST_NULL, m = MANIFEST_NULL;

        parse(base, &a);
        parse(tree, &b);
        assert_int_equal(layer_difference(&a, &b, &m), 0);
        check(&m, expected);
        flatten(base, expected, true, tree);
}

static void test_difference(void **state)
{
        difference(TOP FILE1("/a"), TOP FILE1("/a"), TOP);
        difference(TOP DIRECTORY("/a") DIRECTORY("/a/b") FILE1("/a/b/c") FILE1("/a/b/d"),
                   TOP DIRECTORY("/a") DIRECTORY("/a/b") FILE1("/a/b/c") FILE2("/a/b/d"),
                   TOP DIRECTORY("/a") DIRECTORY("/a/b") FILE2("/a/b/d"));
        /* the topmost of what is gone */
        difference(TOP DIRECTORY("/a") DIRECTORY("/a/b") FILE1("/a/b/c") FILE1("/d"),
                   TOP DIRECTORY("/a"), TOP DIRECTORY("/a") WHITEOUT("/a/b") WHITEOUT("/d"));
        difference(TOP DIRECTORY("/a") FILE1("/a/x") FILE1("/b"),
                   TOP FILE1("/a") DIRECTORY("/b") FILE1("/b/x"),
                   TOP FILE1("/a") DIRECTORY("/b") FILE1("/b/x"));
        /* a file that gets another name comes with all of its names */
        difference(TOP FILE1("/a") FILE1("/b"), TOP FILE1("/a") LINK("/a", "/b"),
                   TOP FILE1("/a") LINK("/a", "/b"));
        difference(TOP FILE1("/a") LINK("/a", "/b"), TOP FILE2("/a") LINK("/a", "/b"),
                   TOP FILE2("/a") LINK("/a", "/b"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_files),
                cmocka_unit_test(test_whiteouts),
                cmocka_unit_test(test_links),
                cmocka_unit_test(test_difference),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
