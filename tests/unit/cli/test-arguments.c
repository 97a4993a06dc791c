/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Command lines of verbs, and what the rows of the table promise. */

#include "base/strv.h"
#include "cli/arguments.h"

#include "../unit.h"

#include <string.h>

static int parse(const char *verb, const char *line, Arguments *ret, Error *error)
{
        _cleanup_strv_ char **words = NULL;
        const Verb *v = verb_find(verb);

        assert_non_null(v);
        assert_int_equal(strv_split(line, " ", &words), 0);
        if (!words)
                words = calloc(1, sizeof(char *));
        return arguments_parse(v, words, ret, error);
}

static void assert_words(char *const *v, const char *expected)
{
        _cleanup_free_ char *joined = strv_join(v, " ");

        assert_string_equal(joined, expected);
}

static void test_words_and_flags(void **state)
{
        _cleanup_arguments_ Arguments a = {};
        _cleanup_strv_ char **values = NULL;

        assert_int_equal(parse("stop", "web --timeout=5 -f db --timeout 1min", &a, NULL), 0);
        assert_words(a.words, "web db");
        assert_true(arguments_has(&a, "force"));
        assert_false(arguments_has(&a, "all"));
        assert_string_equal(arguments_value(&a, "timeout"), "1min");
        assert_int_equal(arguments_values(&a, "timeout", &values), 0);
        assert_words(values, "5 1min");
}

static void test_command_follows_name(void **state)
{
        static const struct {
                const char *line, *words, *command;
        } cases[] = {
                { "web ls -l", "web", "ls -l" },
                { "web -- ls -l", "web", "ls -l" },
                { "-u joe web -e A=b ls --all", "web", "ls --all" },
                { "web -- --help", "web", "--help" },
                { "-- web ls", "web", "ls" },
                { "--all ls -l", "", "ls -l" },
                { "--all -- ls", "", "ls" },
                { "-a sh -c x", "", "sh -c x" },
                { "web sh -- -c", "web", "sh -- -c" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_arguments_ Arguments a = {};

                assert_int_equal(parse("exec", cases[i].line, &a, NULL), 0);
                assert_words(a.words, cases[i].words);
                assert_words(a.command, cases[i].command);
        }
}

static void test_command_after_dashes(void **state)
{
        static const char *const given[] = { "tree", "a", "--nss", "b", "--", "c", "--json", NULL };
        static const char *const without[] = { "tree", "a", "b", NULL };
        const char *const build[] = { "build", "elf", NULL };
        char *const *words = (char *const *)build;
        const Verb *verb = verb_take(&words);
        _cleanup_arguments_ Arguments a = {}, b = {};

        assert_int_equal(arguments_parse(verb, (char *const *)given, &a, NULL), 0);
        assert_words(a.words, "tree a b");
        assert_words(a.command, "c --json");
        assert_false(arguments_has(&a, "json"));
        assert_int_equal(arguments_parse(verb, (char *const *)without, &b, NULL), 0);
        assert_words(b.words, "tree a b");
        assert_null(b.command);
}

static void test_launcher_options_pass(void **state)
{
        _cleanup_arguments_ Arguments a = {}, b = {};

        assert_int_equal(
                parse("boot", "--bind /srv:/srv --read-only -U -D /tree web x -y", &a, NULL), 0);
        assert_words(a.passed, "--bind=/srv:/srv --read-only -U -D/tree");
        assert_words(a.words, "web");
        assert_words(a.command, "x -y");
        assert_int_equal(parse("run", "-D /tree -- id", &b, NULL), 0);
        assert_words(b.passed, "-D/tree");
}

static void test_mistakes(void **state)
{
        static const struct {
                const char *verb, *line, *message;
        } cases[] = {
                { "stop", "--nosuch web", "Unknown option '--nosuch'" },
                { "stop", "-z web", "Unknown option '-z'" },
                { "stop", "--force=1 web", "takes no value" },
                { "logs", "web -n", "needs a value" },
                { "logs", "", "needs NAME" },
                { "logs", "a b", "Too many words" },
                { "boot", "--nosuch web", "Unknown option" },
                { "boot", "--bind", "needs a value" },
                { "exec", "", "needs" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_arguments_ Arguments a = {};
                _cleanup_error_ Error error = ERROR_NULL;

                assert_int_equal(parse(cases[i].verb, cases[i].line, &a, &error), VERB_USAGE);
                assert_non_null(strstr(error.message, cases[i].message));
                assert_non_null(strstr(error.hint, "--help"));
        }
}

static void test_help(void **state)
{
        _cleanup_arguments_ Arguments a = {};

        assert_int_equal(parse("exec", "--help", &a, NULL), 1);
        assert_int_equal(parse("stop", "-h", &a, NULL), 1);
        assert_int_equal(parse("boot", "web --help", &a, NULL), 1);
}

static void check_row(const Verb *v)
{
        assert_non_null(v->run);
        assert_non_null(v->operands);
        assert_true(strlen(v->help) > 0 && v->help[strlen(v->help) - 1] != '.');
        for (size_t k = 0; k < v->n_flags; k++)
                assert_ptr_equal(verb_flag(v, v->flags[k].name), &v->flags[k]);
}

static void test_table(void **state)
{
        for (size_t i = 0; i < verb_count; i++) {
                const Verb *v = verb_table[i];

                assert_ptr_equal(verb_find(v->name), v);
                if (!v->verbs)
                        check_row(v);
                for (size_t k = 0; k < v->n_verbs; k++) {
                        const char *name = v->verbs[k]->name;

                        check_row(v->verbs[k]);
                        assert_int_equal(strncmp(name, v->name, strlen(v->name)), 0);
                        assert_int_equal(name[strlen(v->name)], ' ');
                        assert_ptr_equal(verb_nearest(v, verb_word(v->verbs[k])), v->verbs[k]);
                }
        }
        assert_string_equal(verb_nearest(NULL, "strat")->name, "start");
        assert_null(verb_nearest(NULL, "frobnicate"));
}

/* The verb that @line names, and what is left of it. */
static const char *taken(const char *line, const char *left)
{
        _cleanup_strv_ char **words = NULL;
        _cleanup_free_ char *rest = NULL;
        const Verb *v;
        char *const *w;

        assert_int_equal(strv_split(line, " ", &words), 0);
        w = words;
        v = verb_take(&w);
        rest = strv_join(w, " ");
        assert_string_equal(rest, left);
        return v ? v->name : NULL;
}

static void test_verbs_of_two_words(void **state)
{
        assert_string_equal(taken("layer list a b", "a b"), "layer list");
        assert_string_equal(taken("layer lits", "lits"), "layer");
        assert_string_equal(taken("layer --help", "--help"), "layer");
        assert_string_equal(taken("layer", ""), "layer");
        assert_string_equal(taken("list layer", "layer"), "list");
        assert_null(taken("frobnicate layer", "frobnicate layer"));
        assert_string_equal(verb_nearest(&verb_layer, "lits")->name, "layer list");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_words_and_flags),
                cmocka_unit_test(test_command_follows_name),
                cmocka_unit_test(test_command_after_dashes),
                cmocka_unit_test(test_launcher_options_pass),
                cmocka_unit_test(test_mistakes),
                cmocka_unit_test(test_help),
                cmocka_unit_test(test_table),
                cmocka_unit_test(test_verbs_of_two_words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
