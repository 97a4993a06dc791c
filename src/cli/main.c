/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead: the program that people type. Finds the verb, runs it, prints its error. */

#include "cli/arguments.h"
#include "cli/completion.h"

#include <locale.h>
#include <string.h>
#include <unistd.h>

/* @group: the verb that @word stands after, or NULL. */
static int unknown_verb(const Verb *group, const char *word)
{
        _cleanup_error_ Error error = ERROR_NULL;
        const Verb *nearest = verb_nearest(group, word);

        if (nearest)
                error_hint(&error, "stead %s", nearest->name);
        else
                error_hint(&error, "stead %s%s--help", group ? group->name : "", group ? " " : "");
        (void)error_set(&error, EINVAL, "Unknown %s '%s%s%s'%s%s%s",
                        word[0] == '-' ? "option" : "verb", group ? group->name : "",
                        group ? " " : "", word, nearest ? "; did you mean '" : "",
                        nearest ? nearest->name : "", nearest ? "'?" : "");
        error_print(&error);
        return EXIT_USAGE;
}

/* A verb that is several, without one of them. */
static int run_group(const Verb *group, char *const *words)
{
        if (!*words) {
                verb_print_help(group, stderr);
                return EXIT_USAGE;
        }
        if (strcmp(*words, "--help") != 0 && strcmp(*words, "-h") != 0)
                return unknown_verb(group, *words);
        verb_print_help(group, stdout);
        return EXIT_SUCCESS;
}

static int print_help(char *const *words)
{
        const char *first = *words;
        const Verb *verb = verb_take(&words);

        if (first && !verb)
                return unknown_verb(NULL, first);
        if (verb && verb->verbs && *words)
                return unknown_verb(verb, *words);
        if (verb)
                verb_print_help(verb, stdout);
        else
                verb_print_overview(stdout);
        return EXIT_SUCCESS;
}

/* Words that are no verbs: help, version, completion. -1: it is something else. */
static int special_word(char *const *words)
{
        const char *word = *words;

        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0)
                return print_help(words + 1);
        if (strcmp(word, "--version") == 0) {
                puts("stead " STEAD_VERSION);
                return EXIT_SUCCESS;
        }
        if (strcmp(word, "--print-completion") == 0) {
                completion_print(stdout);
                return EXIT_SUCCESS;
        }
        return -1;
}

static int run_verb(const Verb *verb, char *const *words)
{
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_arguments_ Arguments arguments = {};
        int r = arguments_parse(verb, words, &arguments, &error);

        if (r > 0) {
                verb_print_help(verb, stdout);
                return EXIT_SUCCESS;
        }
        if (r == 0 && !verb->for_everyone && geteuid() != 0) {
                error_hint(&error, "sudo stead %s ...", verb->name);
                r = error_set(&error, EPERM, "'stead %s' is for root", verb->name);
        }
        if (r == 0)
                r = verb->run(&arguments, &error);
        if (r >= 0)
                return r;
        error_print(&error);
        return r == VERB_USAGE ? EXIT_USAGE : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
        static char list[] = "list", *no_words[] = { list, NULL };
        char *const *words = argc < 2 ? no_words : argv + 1;
        const char *first = *words;
        int r;

        (void)setlocale(LC_ALL, "");
        r = special_word(words);
        if (r < 0) {
                const Verb *verb = verb_take(&words);

                if (!verb)
                        r = unknown_verb(NULL, first);
                else
                        r = verb->verbs ? run_group(verb, words) : run_verb(verb, words);
        }
        /* output that never reached its file is a failure, too */
        if (fflush(stdout) != 0 && r == EXIT_SUCCESS) {
                fprintf(stderr, "stead: Failed to write the output: %m\n");
                r = EXIT_FAILURE;
        }
        return r;
}
