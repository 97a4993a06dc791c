/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead: the program that people type. Finds the verb, runs it, prints its error. */

#include "cli/arguments.h"
#include "cli/completion.h"

#include <locale.h>
#include <string.h>
#include <unistd.h>

static int unknown_verb(const char *word)
{
        _cleanup_error_ Error error = ERROR_NULL;
        const Verb *nearest = verb_nearest(word);

        if (nearest)
                error_hint(&error, "stead %s", nearest->name);
        else
                error_hint(&error, "stead --help");
        (void)error_set(&error, EINVAL, "Unknown %s '%s'%s%s%s", word[0] == '-' ? "option" : "verb",
                        word, nearest ? "; did you mean '" : "", nearest ? nearest->name : "",
                        nearest ? "'?" : "");
        error_print(&error);
        return EXIT_USAGE;
}

/* Words that are no verbs: help, version, completion. -1: it is something else. */
static int special_word(const char *word, const char *next)
{
        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
                const Verb *verb = next ? verb_find(next) : NULL;

                if (next && !verb)
                        return unknown_verb(next);
                if (verb)
                        verb_print_help(verb, stdout);
                else
                        verb_print_overview(stdout);
                return EXIT_SUCCESS;
        }
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
        const Verb *verb;
        int r;

        (void)setlocale(LC_ALL, "");
        if (argc < 2)
                argv = no_words;
        else
                argv++;
        r = special_word(argv[0], argv[1]);
        if (r < 0) {
                verb = verb_find(argv[0]);
                r = verb ? run_verb(verb, argv + 1) : unknown_verb(argv[0]);
        }
        /* output that never reached its file is a failure, too */
        if (fflush(stdout) != 0 && r == EXIT_SUCCESS) {
                fprintf(stderr, "stead: Failed to write the output: %m\n");
                r = EXIT_FAILURE;
        }
        return r;
}
