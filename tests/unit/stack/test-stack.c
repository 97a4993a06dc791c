/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file that a start reads: what goes in comes out, what is cut off or wrong is refused, and
 * when it may be used. */

#include "../world.h"

#include "base/fd.h"
#include "stack/stack.h"

#include <fcntl.h>
#include <sys/stat.h>

static int open_state(void **state)
{
        int fd;

        assert_int_equal(setenv("STEAD_STATE", *state, 1), 0);
        assert_int_equal(generation_open_state("web", true, &fd, NULL), 0);
        return fd;
}

static void add(Stack *s, const char *name, uint8_t byte)
{
        Hash tree;

        memset(tree.bytes, byte, sizeof(tree.bytes));
        assert_int_equal(stack_layer_append(&s->lowers, &s->n_lowers, name, NULL, &tree), 0);
}

static void test_round_trip(void **state)
{
        _cleanup_close_ int fd = open_state(state);
        _cleanup_stack_ Stack s = { .generation = 3 }, back = STACK_NULL;

        add(&s, "debian/12/base", 1);
        add(&s, "site/web@01234567", 2);
        add(&s, "-", 3);
        assert_int_equal(stack_load(fd, &back, NULL), -ENOENT);
        assert_int_equal(stack_save(fd, &s, NULL), 0);
        assert_int_equal(stack_load(fd, &back, NULL), 0);
        assert_int_equal(back.generation, 3);
        assert_int_equal(back.n_lowers, 3);
        assert_string_equal(back.lowers[1].name, "site/web@01234567");
        assert_int_equal(back.lowers[2].tree.bytes[31], 3);
}

static void test_damage(void **state)
{
#define HEAD "stead-stack 1\ngeneration 1\n"
#define TREE "0101010101010101010101010101010101010101010101010101010101010101"
        static const char *const texts[] = {
                "",
                "stead-stack 1\n",
                HEAD,
                "stead-stack 2\ngeneration 1\nlower " TREE " a\n",
                "stead-stack 1\ngeneration 0\nlower " TREE " a\n",
                "stead-stack 1\nlower " TREE " a\n",
                HEAD "lower " TREE "\n",
                HEAD "lower " TREE " \n",
                HEAD "lower " TREE " a",
                HEAD "lower 0" TREE " a\n",
                HEAD "upper " TREE " a\n",
        };
        _cleanup_close_ int fd = open_state(state);

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_error_ Error error = ERROR_NULL;
                Stack s = STACK_NULL;

                assert_int_equal(write_file_atomic_at(fd, "stack", texts[i], 0600), 0);
                if (stack_load(fd, &s, &error) != -EBADMSG)
                        fail_msg("taken: %s", texts[i]);
                assert_null(s.lowers);
                assert_non_null(strstr(error.message, "'stack'"));
        }
}

static void test_ready(void **state)
{
        _cleanup_close_ int fd = open_state(state);
        _cleanup_stack_ Stack s = { .generation = 3 };
        char *const names[] = { (char *)"base", (char *)"web", NULL };
        char *const other[] = { (char *)"web", (char *)"base", NULL };
        const char *store = *state;
        char path[512], tree[HASH_TEXT_SIZE];

        add(&s, "base", 1);
        add(&s, "web", 2);
        add(&s, "-", 3);
        (void)snprintf(path, sizeof(path), "%s/checkouts", store);
        assert_int_equal(mkdir(path, 0700), 0);
        for (size_t i = 0; i < s.n_lowers; i++) {
                assert_false(stack_is_ready(&s, 3, names, store));
                (void)snprintf(path, sizeof(path), "%s/checkouts/%s", store,
                               hash_to_string(&s.lowers[i].tree, tree));
                assert_int_equal(mkdir(path, 0700), 0);
        }
        assert_true(stack_is_ready(&s, 3, names, store));
        assert_false(stack_is_ready(&s, 4, names, store));
        assert_false(stack_is_ready(&s, 3, other, store));
        assert_false(stack_is_ready(&s, 3, names + 1, store));
        assert_false(stack_is_ready(&STACK_NULL, 0, names, store));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_DIRECTORY(test_round_trip),
                WITH_DIRECTORY(test_damage),
                WITH_DIRECTORY(test_ready),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
