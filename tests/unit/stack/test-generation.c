/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Generations on disk: numbers, what is kept, what is refused. */

#include "../world.h"

#include "stack/generation.h"
#include "stack/stack.h"

static Hash hash_with(uint8_t byte)
{
        Hash h;

        memset(h.bytes, byte, sizeof(h.bytes));
        return h;
}

static int open_state(void **state)
{
        int fd;

        assert_int_equal(setenv("STEAD_STATE", *state, 1), 0);
        assert_int_equal(generation_open_state("web", true, &fd, NULL), 0);
        return fd;
}

static unsigned add(int fd, uint8_t version, const char *reason)
{
        _cleanup_generation_ Generation g = { .reason = strdup(reason) };
        Hash base = hash_with(1), tree = hash_with(2), commit = hash_with(version);

        assert_int_equal(generation_add_layer(&g, "debian/12/base", &base, &tree), 0);
        assert_int_equal(generation_add_layer(&g, "site/web@01234567", &commit, &commit), 0);
        assert_int_equal(generation_add(fd, &g, NULL), 0);
        return g.number;
}

static void test_round_trip(void **state)
{
        _cleanup_close_ int fd = open_state(state);
        _cleanup_generation_ Generation g = GENERATION_NULL, other = GENERATION_NULL;
        char *const names[] = { (char *)"debian/12/base", (char *)"site/web@01234567", NULL };
        char *const fewer[] = { (char *)"debian/12/base", NULL };
        unsigned wanted;

        assert_int_equal(generation_wanted(fd, &wanted, NULL), 0);
        assert_int_equal(wanted, 0);
        assert_int_equal(add(fd, 3, "create"), 1);
        assert_int_equal(add(fd, 4, "rollback to 3"), 2);
        assert_int_equal(generation_wanted(fd, &wanted, NULL), 0);
        assert_int_equal(wanted, 2);
        assert_int_equal(generation_load(fd, 2, &g, NULL), 0);
        assert_string_equal(g.reason, "rollback to 3");
        assert_true(g.time > 0);
        assert_int_equal(g.n_layers, 2);
        assert_int_equal(g.layers[1].commit.bytes[0], 4);
        assert_int_equal(g.layers[0].tree.bytes[31], 2);
        assert_true(generation_has_names(&g, names));
        assert_false(generation_has_names(&g, fewer));
        assert_int_equal(generation_load(fd, 1, &other, NULL), 0);
        assert_true(generation_is_same(&g, &g));
        assert_false(generation_is_same(&g, &other));
}

/* The last ten, and whatever is in force. */
static void test_old_ones_go(void **state)
{
        _cleanup_close_ int fd = open_state(state);
        StackLayer lower = { .tree = hash_with(1), .name = (char[]){ "debian/12/base" } };
        Generation *list;
        size_t n;

        assert_int_equal(add(fd, 1, "create"), 1);
        assert_int_equal(
                stack_save(fd, &(Stack){ .generation = 1, .lowers = &lower, .n_lowers = 1 }, NULL),
                0);
        for (uint8_t i = 2; i <= GENERATION_KEEP + 5; i++)
                assert_int_equal(add(fd, i, "update"), i);
        assert_int_equal(generation_list(fd, &list, &n, NULL), 0);
        assert_int_equal(list[0].number, 1);
        assert_true(list[1].number > 2);
        assert_int_equal(list[n - 1].number, GENERATION_KEEP + 5);
        assert_in_range(n, GENERATION_KEEP, GENERATION_KEEP + 2);
        generation_list_free(list, n);
}

static void test_number_is_never_used_again(void **state)
{
        _cleanup_close_ int fd = open_state(state);

        assert_int_equal(add(fd, 1, "create"), 1);
        assert_int_equal(add(fd, 2, "update"), 2);
        assert_int_equal(unlinkat(fd, "generations/2", 0), 0);
        assert_int_equal(add(fd, 3, "update"), 3);
}

static void test_damaged(void **state)
{
        static const char *const texts[] = {
                "",
                "stead-generation 1",
                "stead-generation 2\ntime 1\nreason x\n",
                "stead-generation 1\ntime 1\nreason x\n",
                "stead-generation 1\ntime 1\nreason x\nlayer 00 00 name\n",
                "stead-generation 1\ntime -1\nreason x\n",
                "stead-generation 1\ntime 1\nreason x\nother 1\n",
        };
        _cleanup_close_ int fd = open_state(state);

        assert_int_equal(add(fd, 1, "create"), 1);
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_generation_ Generation g = GENERATION_NULL;
                _cleanup_error_ Error error = ERROR_NULL;

                assert_int_equal(write_file_atomic_at(fd, "generations/1", texts[i], 0600), 0);
                assert_int_equal(generation_load(fd, 1, &g, &error), -EBADMSG);
                assert_non_null(strstr(error.message, "generations/1"));
        }
        assert_int_equal(generation_load(fd, 7, &(Generation){}, NULL), -ENOENT);
}

static void test_lock(void **state)
{
        _cleanup_close_ int fd = open_state(state), first = -EBADF, second = -EBADF;
        _cleanup_error_ Error error = ERROR_NULL;

        assert_int_equal(generation_lock_state(fd, "web", false, &first, NULL), 0);
        assert_int_equal(generation_lock_state(fd, "web", false, &second, &error), -EBUSY);
        assert_string_equal(error.hint, "stead stop web");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_DIRECTORY(test_round_trip),
                WITH_DIRECTORY(test_old_ones_go),
                WITH_DIRECTORY(test_number_is_never_used_again),
                WITH_DIRECTORY(test_damaged),
                WITH_DIRECTORY(test_lock),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
