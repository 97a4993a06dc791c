/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The launcher's command line. getopt_long() reads the words by a list made from the option table;
 * what it cannot read becomes an Error with the nearest option that there is. */

#include "config/command-line.h"

#include "base/nearest.h"
#include "base/strv.h"
#include "config/later-option.h"
#include "config/nspawn.h"
#include "config/option-parse.h"

#include <getopt.h>
#include <string.h>

#define LONG_BASE 256 /* values of long options; below are the letters */

typedef struct Parser {
        struct option options[SETTINGS_OPTIONS_MAX + 1];
        char letters[2 + 2 * SETTINGS_OPTIONS_MAX + 1];
} Parser;

/* A switch also takes "=no", to take back what a definition says. */
static int getopt_argument(const Option *o)
{
        if (o->argument == OPTION_REQUIRED_ARGUMENT)
                return required_argument;
        if (o->argument == OPTION_OPTIONAL_ARGUMENT || o->parse == option_parse_boolean)
                return optional_argument;
        return no_argument;
}

static void parser_init(Parser *p)
{
        size_t n_options = 0, n_letters = 0;

        *p = (Parser){};
        p->letters[n_letters++] = '+'; /* the first word that is no option starts the command */
        p->letters[n_letters++] = ':'; /* tell a missing argument from an unknown option */
        for (size_t i = 0; i < option_count; i++) {
                const Option *o = &option_table[i];

                if (o->name)
                        p->options[n_options++] = (struct option){
                                .name = o->name,
                                .has_arg = getopt_argument(o),
                                .val = LONG_BASE + (int)i,
                        };
                if (o->letter) {
                        p->letters[n_letters++] = o->letter;
                        if (o->argument == OPTION_REQUIRED_ARGUMENT)
                                p->letters[n_letters++] = ':';
                }
        }
}

static int unknown_option(const char *word, Error *error)
{
        _cleanup_free_ char *name = NULL;
        Nearest nearest;
        int r;

        if (strncmp(word, "--", 2) != 0) {
                r = error_set(error, EINVAL, "There is no option -%c", word[1]);
                error_hint(error, "stead-launch --help");
                return r;
        }
        name = strndup(word + 2, strcspn(word + 2, "="));
        if (!name)
                return -ENOMEM;
        if (later_option(name)) {
                r = error_set(error, EOPNOTSUPP, "Option --%s is not supported by this version",
                              name);
                error_hint(error, "stead-launch --help");
                return r;
        }
        nearest = NEAREST(name);
        for (size_t i = 0; i < option_count; i++)
                nearest_offer(&nearest, option_table[i].name);
        r = error_set(error, EINVAL, "There is no option --%s", name);
        if (nearest.best)
                error_hint(error, "--%s", nearest.best);
        else
                error_hint(error, "stead-launch --help");
        return r;
}

/* The beginning of several options is neither unknown nor enough. */
static int ambiguous_option(const char *word, Error *error)
{
        _cleanup_buffer_ Buffer list = BUFFER_NULL;
        size_t n = strcspn(word, "="), count = 0;
        int r;

        for (size_t i = 0; n > 2 && strncmp(word, "--", 2) == 0 && i < option_count; i++)
                if (option_table[i].name && strncmp(option_table[i].name, word + 2, n - 2) == 0) {
                        buffer_printf(&list, "%s--%s", list.size > 0 ? ", " : "",
                                      option_table[i].name);
                        count++;
                }
        if (count < 2)
                return 0;
        r = error_set(error, EINVAL, "Option %.*s can mean %s", (int)n, word,
                      list.data ?: "several");
        error_hint(error, "stead-launch --help");
        return r;
}

/* What getopt_long() did not like: @result is '?' or ':', @code what it left in optopt. */
static int bad_option(int result, int code, const char *word, Error *error)
{
        const Option *o =
                code >= LONG_BASE ? &option_table[code - LONG_BASE] : option_by_letter((char)code);
        int r;

        if (result == ':' && o) {
                if (code >= LONG_BASE)
                        r = error_set(error, EINVAL, "Option --%s needs a value: %s", o->name,
                                      o->metavar);
                else
                        r = error_set(error, EINVAL, "Option -%c needs a value: %s", o->letter,
                                      o->metavar);
                error_hint(error, "stead-launch --help");
                return r;
        }
        if (code >= LONG_BASE) {
                r = error_set(error, EINVAL, "Option --%s takes no value", o->name);
                error_hint(error, "--%s", o->name);
                return r;
        }
        if (code != 0)
                return unknown_option((char[]){ '-', (char)code, '\0' }, error);
        r = ambiguous_option(word, error);
        return r < 0 ? r : unknown_option(word, error);
}

/* The text of @value for a message: no terminal codes, no novels. */
static int blame(const Option *o, const char *origin, const char *value, Error *error)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        int r;

        option_printable(o->secret ? "..." : value, &text);
        r = error_prefix(error, "%s=%s", origin, text.data ?: "");
        if (error && !error->hint)
                error_hint(error,
                           o->table || o->choices ? "stead-launch %s=help" : "stead-launch --help",
                           origin);
        return r;
}

static int print_choices(const Option *o)
{
        _cleanup_strv_ char **choices = NULL;
        int r = option_choices(o, &choices);

        if (r < 0)
                return r;
        STRV_FOREACH (choice, choices)
                (void)puts(*choice);
        return 1;
}

static int add_word(const Option *o, const char *origin, const char *value, Assignments *a,
                    Error *error)
{
        _cleanup_assignments_ Assignments words = ASSIGNMENTS_NULL;
        int r;

        if (value && *value && o->from_word) {
                r = o->from_word(o, value, origin, &words, error);
                for (size_t i = 0; r >= 0 && i < words.n; i++)
                        r = option_check(words.items[i].option, words.items[i].value, error);
                if (r >= 0)
                        return assignments_append_take(a, &words);
        } else {
                r = option_check(o, value, error);
                if (r >= 0)
                        return assignments_add(a, o, value, origin, true);
        }
        if (r == -ENOMEM && error && error->number == 0)
                return error_errno(error, ENOMEM, "Failed to read the command line");
        return blame(o, origin, value ?: "", error);
}

/* Reads one option. 1: everything asked for has been printed. */
static int read_option(int code, bool as_nspawn, Assignments *a, Error *error)
{
        const Option *o =
                code >= LONG_BASE ? &option_table[code - LONG_BASE] : option_by_letter((char)code);
        char origin[64];

        if (o->name)
                (void)snprintf(origin, sizeof(origin), "--%s", o->name);
        else
                (void)snprintf(origin, sizeof(origin), "-%c", o->letter);
        if (strcmp(origin, "--help") == 0) {
                int r = option_print_help(stdout);

                return r < 0 ? error_errno(error, -r, "Failed to print the help") : 1;
        }
        if (strcmp(origin, "--version") == 0) {
                (void)puts(as_nspawn ? "systemd " NSPAWN_VERSION " (stead " STEAD_VERSION ")"
                                     : "stead-launch " STEAD_VERSION);
                return 1;
        }
        if (optarg && strcmp(optarg, "help") == 0 && (o->table || o->choices))
                return print_choices(o);
        return add_word(o, origin, optarg, a, error);
}

static const Assignment *given(const Assignments *a, const char *name)
{
        return assignments_find(a, option_by_name(name));
}

/* Init, stub and command are one decision: who takes it on the command line takes it whole, so that
 * a definition's Boot= does not turn a command into arguments of the init. */
static int settle_start(char *const *words, Assignments *a)
{
        bool boot = given(a, "boot"), stub = given(a, "as-pid2");
        const char *origin = boot ? "--boot" : stub ? "--as-pid2" : "COMMAND";
        int r = 0;

        if (!*words && !boot && !stub)
                return 0;
        if (!boot)
                r = assignments_add(a, option_by_name("boot"), "no", origin, true);
        if (r >= 0 && !stub)
                r = assignments_add(a, option_by_name("as-pid2"), "no", origin, true);
        return r;
}

static int add_command(char *const *words, Assignments *a)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        int r = settle_start(words, a);

        if (r < 0 || !*words)
                return r;
        for (char *const *w = words; *w; w++) {
                if (w != words)
                        buffer_puts(&text, " ");
                option_quote(*w, &text);
        }
        if (buffer_error(&text) < 0)
                return -ENOMEM;
        return assignments_add(a, option_by_key("Exec", "Parameters"), text.data, "COMMAND", true);
}

int command_line_parse(int argc, char **argv, Assignments *ret, Error *error)
{
        _cleanup_assignments_ Assignments a = ASSIGNMENTS_NULL;
        bool as_nspawn = argc > 0 && nspawn_is_meant(argv[0]);
        Parser parser;
        int r;

        parser_init(&parser);
        opterr = 0;
        optind = 0; /* glibc: start over */
        for (;;) {
                int word = MAX_OF(optind, 1);
                int code = getopt_long(argc, argv, parser.letters, parser.options, NULL);

                if (code == -1)
                        break;
                if (code == '?' || code == ':') {
                        r = bad_option(code, optopt, argv[word], error);
                        /* the words of getopt_long(), by which scripts find out what there is */
                        return as_nspawn && code == '?'
                                       ? error_prefix(error, "unrecognized option '%s'", argv[word])
                                       : r;
                }
                r = read_option(code, as_nspawn, &a, error);
                if (r != 0)
                        return r;
        }
        r = optind < argc ? add_command(argv + optind, &a) : settle_start(argv + argc, &a);
        if (r < 0)
                return error_errno(error, -r, "Failed to read the command line");
        assignments_done(ret);
        *ret = a;
        a = ASSIGNMENTS_NULL;
        return 0;
}
