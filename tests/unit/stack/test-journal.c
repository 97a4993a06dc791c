/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Switches as renames: from every step that they may have been killed at, and back again. */

#include "../world.h"

#include "stack/journal.h"
#include "stack/undo.h"

#include <fcntl.h>
#include <sys/stat.h>

static Hash hash_with(uint8_t byte)
{
        Hash h;

        memset(h.bytes, byte, sizeof(h.bytes));
        return h;
}

static void put(int fd, const char *path, const char *text)
{
        assert_int_equal(write_file_atomic_at(fd, path, text, 0644), 0);
}

static void make_directory(int fd, const char *path)
{
        assert_int_equal(mkdir_parents_at(fd, path, 0755), 0);
}

static void expect(int fd, const char *path, const char *text)
{
        _cleanup_free_ char *found = NULL;
        ssize_t n = read_file_at(fd, path, 4096, &found);

        if (!text) {
                assert_int_equal(n, -ENOENT);
                return;
        }
        assert_true(n >= 0);
        assert_string_equal(found, text);
}

static void add_generation(int fd, uint8_t version)
{
        _cleanup_generation_ Generation g = { .reason = strdup("test") };
        Hash h = hash_with(version);

        assert_int_equal(generation_add_layer(&g, "base", &h, &h), 0);
        assert_int_equal(generation_add(fd, &g, NULL), 0);
}

/* A machine on generation 1 that is to switch to 2: one file replaced, one gone, one new, and one
 * with a name that no line of text could hold. */
#define STRANGE "/etc/a b\nc\\"
static int open_machine(void **state, SwitchPlace *place)
{
        StackLayer lower = { .tree = hash_with(1), .name = (char[]){ "base" } };
        int fd;

        assert_int_equal(setenv("STEAD_STATE", *state, 1), 0);
        assert_int_equal(generation_open_state("web", true, &fd, NULL), 0);
        *place = (SwitchPlace){ .machine = "web", .state_fd = fd, .data_fd = fd };
        add_generation(fd, 1);
        assert_int_equal(
                stack_save(fd, &(Stack){ .generation = 1, .lowers = &lower, .n_lowers = 1 }, NULL),
                0);
        add_generation(fd, 2);
        make_directory(fd, "upper/etc");
        put(fd, "upper/etc/passwd", "old passwd\n");
        put(fd, "upper/etc/gone", "copy of the base\n");
        put(fd, "upper" STRANGE, "old strange\n");
        put(fd, "upper/etc/mine", "mine\n");
        return fd;
}

static void prepare(int fd, unsigned generation, unsigned from, Journal *j)
{
        char saved[32];

        j->generation = generation;
        j->from = from;
        assert_int_equal(stack_layer_append(&j->lowers, &j->n_lowers, "base", NULL,
                                            &(Hash){ .bytes = { (uint8_t)generation } }),
                         0);
        assert_int_equal(
                stack_layer_append(&j->old, &j->n_old, "base", NULL, &(Hash){ .bytes = { 1 } }), 0);
        (void)snprintf(saved, sizeof(saved), "saved/%u", generation);
        make_directory(fd, saved);
}

static void make_journal(int fd, Journal *j)
{
        _cleanup_close_ int upper = openat(fd, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        prepare(fd, 2, 1, j);
        make_directory(fd, "switch");
        put(fd, "switch/0", "new passwd\n");
        put(fd, "switch/2", "new file\n");
        put(fd, "switch/3", "new strange\n");
        assert_int_equal(journal_add_edit(j, "/etc/passwd", "switch/0"), 0);
        assert_int_equal(journal_add_edit(j, "/etc/gone", NULL), 0);
        assert_int_equal(journal_add_edit(j, "/etc/new", "switch/2"), 0);
        assert_int_equal(journal_add_edit(j, STRANGE, "switch/3"), 0);
        assert_int_equal(journal_add_times(j, upper), 0);
        assert_int_equal(journal_save(fd, "journal", j, NULL), 0);
}

static void expect_switched(int fd)
{
        _cleanup_stack_ Stack stack = STACK_NULL;

        expect(fd, "upper/etc/passwd", "new passwd\n");
        expect(fd, "upper/etc/gone", NULL);
        expect(fd, "upper/etc/new", "new file\n");
        expect(fd, "upper" STRANGE, "new strange\n");
        expect(fd, "upper/etc/mine", "mine\n");
        expect(fd, "saved/2/0", "old passwd\n");
        expect(fd, "saved/2/1", "copy of the base\n");
        expect(fd, "saved/2/2", NULL);
        expect(fd, "journal", NULL);
        assert_int_equal(faccessat(fd, "switch", F_OK, 0), -1);
        assert_int_equal(stack_load(fd, &stack, NULL), 0);
        assert_int_equal(stack.generation, 2);
        assert_int_equal(stack.lowers[0].tree.bytes[0], 2);
}

static void test_apply(void **state)
{
        _cleanup_journal_ Journal j = JOURNAL_NULL, read = JOURNAL_NULL;
        SwitchPlace place;
        _cleanup_close_ int fd = open_machine(state, &place);
        struct stat before, after;

        assert_int_equal(
                utimensat(fd, "upper/etc", (struct timespec[]){ { 1000, 5 }, { 1000, 5 } }, 0), 0);
        assert_int_equal(fstatat(fd, "upper/etc", &before, 0), 0);
        make_journal(fd, &j);
        assert_int_equal(journal_load(fd, "journal", &read, NULL), 0);
        assert_int_equal(read.n_edits, 4);
        assert_string_equal(read.edits[3].path, STRANGE);
        assert_int_equal(journal_apply(&place, &read, NULL), 0);
        expect_switched(fd);
        assert_int_equal(fstatat(fd, "upper/etc", &after, 0), 0);
        assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof(before.st_mtim));
}

/* The renames of apply_edit(), in their order. */
static void do_steps(int fd, unsigned steps)
{
        static const struct {
                const char *from, *to;
        } renames[] = {
                { "upper/etc/passwd", "saved/2/0" }, { "switch/0", "upper/etc/passwd" },
                { "upper/etc/gone", "saved/2/1" },   { "switch/2", "upper/etc/new" },
                { "upper" STRANGE, "saved/2/3" },    { "switch/3", "upper" STRANGE },
        };

        for (unsigned i = 0; i < steps; i++)
                assert_int_equal(renameat(fd, renames[i].from, fd, renames[i].to), 0);
}

static void test_recover_from_every_step(void **state)
{
        for (unsigned steps = 0; steps <= 6; steps++) {
                _cleanup_journal_ Journal j = JOURNAL_NULL;
                SwitchPlace place;
                _cleanup_close_ int fd = open_machine(state, &place);

                make_journal(fd, &j);
                do_steps(fd, steps);
                assert_int_equal(switch_recover(&place, NULL), 0);
                expect_switched(fd);
                assert_int_equal(switch_recover(&place, NULL), 0);
                expect_switched(fd);
                assert_int_equal(remove_tree_at(AT_FDCWD, *state), 0);
                assert_int_equal(mkdir(*state, 0755), 0);
        }
}

/* After `stack` is written, the machine may have run: nothing is done twice. */
static void test_recover_after_the_end(void **state)
{
        _cleanup_journal_ Journal j = JOURNAL_NULL;
        SwitchPlace place;
        _cleanup_close_ int fd = open_machine(state, &place);

        make_journal(fd, &j);
        assert_int_equal(journal_apply(&place, &j, NULL), 0);
        assert_int_equal(journal_save(fd, "journal", &j, NULL), 0);
        put(fd, "upper/etc/gone", "written since\n");
        assert_int_equal(switch_recover(&place, NULL), 0);
        expect(fd, "upper/etc/gone", "written since\n");
        expect(fd, "journal", NULL);
}

/* Before the journal is there, nothing has happened. */
static void test_never_begun(void **state)
{
        SwitchPlace place;
        _cleanup_close_ int fd = open_machine(state, &place);

        make_directory(fd, "switch");
        put(fd, "switch/0", "new passwd\n");
        put(fd, "reserve", "room");
        assert_int_equal(switch_recover(&place, NULL), 0);
        expect(fd, "upper/etc/passwd", "old passwd\n");
        expect(fd, "reserve", NULL);
        assert_int_equal(faccessat(fd, "switch", F_OK, 0), -1);
}

static void undo(const SwitchPlace *place, unsigned from, unsigned to, Undo *u)
{
        _cleanup_generation_ Generation wanted = GENERATION_NULL;

        assert_int_equal(generation_load(place->state_fd, to, &wanted, NULL), 0);
        assert_int_equal(undo_find(place, from, &wanted, u, NULL), 0);
}

static void test_undo(void **state)
{
        _cleanup_journal_ Journal j = JOURNAL_NULL, back = JOURNAL_NULL;
        _cleanup_undo_ Undo u = UNDO_NULL;
        SwitchPlace place;
        _cleanup_close_ int fd = open_machine(state, &place), upper = -EBADF;

        make_journal(fd, &j);
        assert_int_equal(journal_apply(&place, &j, NULL), 0);
        put(fd, "upper" STRANGE, "changed by the machine since\n");
        add_generation(fd, 1);
        undo(&place, 2, 1, &u);
        assert_int_equal(u.generation, 1);
        assert_int_equal(u.lowers[0].tree.bytes[0], 1);

        upper = openat(fd, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        prepare(fd, 3, 2, &back);
        assert_int_equal(undo_add_edits(&u, fd, upper, &back), 0);
        assert_int_equal(back.n_edits, 3);
        assert_true(undo_covers(&u, upper, "/etc/passwd"));
        assert_true(undo_covers(&u, upper, "/etc/mine"));
        assert_false(undo_covers(&u, upper, STRANGE));
        assert_int_equal(journal_save(fd, "journal", &back, NULL), 0);
        assert_int_equal(journal_apply(&place, &back, NULL), 0);
        expect(fd, "upper/etc/passwd", "old passwd\n");
        expect(fd, "upper/etc/gone", "copy of the base\n");
        expect(fd, "upper/etc/new", NULL);
        expect(fd, "upper" STRANGE, "changed by the machine since\n");
        expect(fd, "saved/2/record", NULL);
        expect(fd, "saved/3/0", "new file\n"); /* undone in reverse order */
}

/* Back from the way back: what the first rollback took away comes again. */
static void test_undo_of_undo(void **state)
{
        _cleanup_journal_ Journal j = JOURNAL_NULL, back = JOURNAL_NULL, again = JOURNAL_NULL;
        _cleanup_undo_ Undo u = UNDO_NULL, v = UNDO_NULL;
        SwitchPlace place;
        _cleanup_close_ int fd = open_machine(state, &place), upper = -EBADF;

        make_journal(fd, &j);
        assert_int_equal(journal_apply(&place, &j, NULL), 0);
        add_generation(fd, 1);
        undo(&place, 2, 1, &u);
        upper = openat(fd, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        prepare(fd, 3, 2, &back);
        assert_int_equal(undo_add_edits(&u, fd, upper, &back), 0);
        assert_int_equal(journal_apply(&place, &back, NULL), 0);
        expect(fd, "upper/etc/passwd", "old passwd\n");

        add_generation(fd, 2);
        undo(&place, 3, 2, &v);
        assert_int_equal(v.generation, 2);
        prepare(fd, 4, 3, &again);
        assert_int_equal(undo_add_edits(&v, fd, upper, &again), 0);
        assert_int_equal(journal_apply(&place, &again, NULL), 0);
        expect(fd, "upper/etc/passwd", "new passwd\n");
        expect(fd, "upper/etc/gone", NULL);
        expect(fd, "upper/etc/new", "new file\n");
        expect(fd, "upper" STRANGE, "new strange\n");
}

/* Two updates, back over one, and then over the other: what the first rollback put back is passed.
 */
static void test_undo_step_by_step(void **state)
{
        _cleanup_journal_ Journal first = JOURNAL_NULL, second = JOURNAL_NULL, back = JOURNAL_NULL,
                                  last = JOURNAL_NULL;
        _cleanup_undo_ Undo u = UNDO_NULL, v = UNDO_NULL;
        SwitchPlace place;
        _cleanup_close_ int fd = open_machine(state, &place), upper = -EBADF;

        upper = openat(fd, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        make_journal(fd, &first);
        assert_int_equal(journal_apply(&place, &first, NULL), 0);

        add_generation(fd, 3);
        prepare(fd, 3, 2, &second);
        make_directory(fd, "switch");
        put(fd, "switch/0", "mine of 3\n");
        put(fd, "switch/1", "passwd of 3\n");
        assert_int_equal(journal_add_edit(&second, "/etc/mine", "switch/0"), 0);
        assert_int_equal(journal_add_edit(&second, "/etc/passwd", "switch/1"), 0);
        assert_int_equal(journal_apply(&place, &second, NULL), 0);
        expect(fd, "upper/etc/mine", "mine of 3\n");

        add_generation(fd, 2);
        undo(&place, 3, 2, &u);
        prepare(fd, 4, 3, &back);
        assert_int_equal(undo_add_edits(&u, fd, upper, &back), 0);
        assert_int_equal(journal_apply(&place, &back, NULL), 0);
        expect(fd, "upper/etc/mine", "mine\n");
        expect(fd, "upper/etc/passwd", "new passwd\n");

        add_generation(fd, 1);
        undo(&place, 4, 1, &v);
        assert_int_equal(v.generation, 1);
        prepare(fd, 5, 4, &last);
        assert_int_equal(undo_add_edits(&v, fd, upper, &last), 0);
        assert_int_equal(journal_apply(&place, &last, NULL), 0);
        expect(fd, "upper/etc/mine", "mine\n");
        expect(fd, "upper/etc/passwd", "old passwd\n");
        expect(fd, "upper/etc/gone", "copy of the base\n");
        expect(fd, "upper/etc/new", NULL);
}

static void test_no_links_are_followed(void **state)
{
        SwitchPlace place;
        _cleanup_close_ int fd = open_machine(state, &place), upper = -EBADF;
        const char *name;

        assert_int_equal(symlinkat("/etc", fd, "upper/link"), 0);
        upper = openat(fd, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(journal_open_parent(upper, "/link/passwd", &name) < 0);
        assert_true(journal_open_parent(upper, "/nowhere/passwd", &name) < 0);
}

static void test_damaged(void **state)
{
        static const char *const texts[] = {
                "",
                "stead-switch 1\n",
                "stead-switch 1\ngeneration 2\nfrom 1\n",
                "stead-switch 1\ngeneration 2\nedit - etc/passwd\n",
                "stead-switch 1\ngeneration 2\nis 0 1 1 1\n",
                "stead-switch 2\ngeneration 2\n",
        };
        SwitchPlace place;
        _cleanup_close_ int fd = open_machine(state, &place);

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_journal_ Journal j = JOURNAL_NULL;
                _cleanup_error_ Error error = ERROR_NULL;

                put(fd, "journal", texts[i]);
                assert_true(journal_load(fd, "journal", &j, &error) < 0);
                assert_non_null(error.message);
                assert_true(switch_recover(&place, NULL) < 0);
                expect(fd, "upper/etc/passwd", "old passwd\n");
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_DIRECTORY(test_apply),
                WITH_DIRECTORY(test_recover_from_every_step),
                WITH_DIRECTORY(test_recover_after_the_end),
                WITH_DIRECTORY(test_never_begun),
                WITH_DIRECTORY(test_undo),
                WITH_DIRECTORY(test_undo_of_undo),
                WITH_DIRECTORY(test_undo_step_by_step),
                WITH_DIRECTORY(test_no_links_are_followed),
                WITH_DIRECTORY(test_damaged),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
