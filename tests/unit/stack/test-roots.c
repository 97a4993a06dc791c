/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What machines need of the store. */

#include "../world.h"

#include "base/strv.h"
#include "stack/roots.h"
#include "stack/stack.h"

static Hash hash_with(uint8_t byte)
{
        Hash h;

        memset(h.bytes, byte, sizeof(h.bytes));
        return h;
}

static void add_generation(int fd, const char *name, uint8_t commit, uint8_t tree)
{
        _cleanup_generation_ Generation g = { .reason = strdup("test") };
        Hash c = hash_with(commit), t = hash_with(tree);

        assert_int_equal(generation_add_layer(&g, name, &c, &t), 0);
        assert_int_equal(generation_add(fd, &g, NULL), 0);
}

static bool has(const Hash *list, size_t n, uint8_t byte)
{
        Hash h = hash_with(byte);

        for (size_t i = 0; i < n; i++)
                if (hash_equal(&list[i], &h))
                        return true;
        return false;
}

static void assert_users(const Roots *r, const char *layer, bool current, const char *expected)
{
        _cleanup_strv_ char **users = NULL;
        _cleanup_free_ char *text = NULL;

        assert_int_equal(roots_users(r, layer, current, &users), 0);
        text = strv_join(users, " ");
        assert_string_equal(text, expected);
}

static void test_machines(void **state)
{
        _cleanup_close_ int web = -EBADF, db = -EBADF;
        _cleanup_roots_ Roots r = ROOTS_NULL;
        _cleanup_free_ Hash *hashes = NULL;
        StackLayer lowers[] = { { .tree = hash_with(2), .name = (char[]){ "base" } },
                                { .tree = hash_with(9), .name = (char[]){ "-" } } };
        size_t n;

        assert_int_equal(setenv("STEAD_STATE", *state, 1), 0);
        assert_int_equal(generation_open_state("web", true, &web, NULL), 0);
        add_generation(web, "old", 7, 8);
        add_generation(web, "base@01234567", 1, 2);
        assert_int_equal(generation_open_state("db", true, &db, NULL), 0);
        add_generation(db, "base", 3, 4);
        assert_int_equal(
                stack_save(web, &(Stack){ .generation = 2, .lowers = lowers, .n_lowers = 2 }, NULL),
                0);

        assert_int_equal(roots_collect(&r, NULL), 0);
        assert_int_equal(roots_hashes(&r, &hashes, &n), 0);
        for (uint8_t i = 1; i <= 4; i++)
                assert_true(has(hashes, n, i));
        for (uint8_t i = 7; i <= 9; i++)
                assert_true(has(hashes, n, i));
        assert_false(has(hashes, n, 0));
        assert_users(&r, "old", false, "web");
        assert_users(&r, "old", true, "");
        assert_users(&r, "nobody's", false, "");
}

static void test_damaged(void **state)
{
        _cleanup_close_ int web = -EBADF;
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_roots_ Roots r = ROOTS_NULL;

        assert_int_equal(setenv("STEAD_STATE", *state, 1), 0);
        assert_int_equal(generation_open_state("web", true, &web, NULL), 0);
        add_generation(web, "base", 1, 2);
        assert_int_equal(write_file_atomic_at(web, "generations/1", "nonsense\n", 0600), 0);
        assert_true(roots_collect(&r, &error) < 0);
        assert_non_null(strstr(error.message, "Machine 'web'"));
}

static void test_none(void **state)
{
        _cleanup_roots_ Roots r = ROOTS_NULL;

        assert_int_equal(setenv("STEAD_STATE", "/nonexistent", 1), 0);
        assert_int_equal(roots_collect(&r, NULL), 0);
        assert_int_equal(r.n, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_DIRECTORY(test_machines),
                WITH_DIRECTORY(test_damaged),
                cmocka_unit_test(test_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
