/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Splits a verb's words into options, names and a command. */

#include "cli/arguments.h"

#include "base/parse.h"
#include "base/strv.h"
#include "config/option.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

typedef struct Cursor {
        char *const *words; /* what is left to read */
        bool options_ended; /* a "--" was seen */
} Cursor;

void arguments_done(Arguments *a)
{
        for (size_t i = 0; i < a->n_given; i++)
                free(a->given[i].value);
        free(a->given);
        a->passed = strv_free(a->passed);
        a->words = strv_free(a->words);
        a->command = strv_free(a->command);
        *a = (Arguments){};
}

int arguments_usage(const Verb *verb, Error *error, const char *format, ...)
{
        char *text = NULL;
        va_list ap;

        va_start(ap, format);
        if (vasprintf(&text, format, ap) < 0)
                text = NULL;
        va_end(ap);
        (void)error_set(error, EINVAL, "%s", text ?: "Wrong command line"); /* always VERB_USAGE */
        if (verb)
                error_hint(error, "stead %s --help", verb->name);
        free(text);
        return VERB_USAGE;
}

static int out_of_memory(Error *error)
{
        return error_set(error, ENOMEM, "Out of memory");
}

static int add_given(Arguments *a, const Flag *flag, const char *value, Error *error)
{
        FlagValue *grown = reallocarray(a->given, a->n_given + 1, sizeof(FlagValue));
        char *copy = NULL;

        if (!grown)
                return out_of_memory(error);
        a->given = grown;
        if (value) {
                copy = strdup(value);
                if (!copy)
                        return out_of_memory(error);
        }
        a->given[a->n_given++] = (FlagValue){ .flag = flag, .value = copy };
        return 0;
}

static const Flag *flag_by_letter(const Verb *verb, char letter)
{
        for (size_t i = 0; i < verb->n_flags; i++)
                if (verb->flags[i].letter == letter)
                        return &verb->flags[i];
        return NULL;
}

/* An option of the launcher's: kept as it is, with its value joined to it. */
static int pass_option(Arguments *a, Cursor *c, const Option *option, bool has_value, Error *error)
{
        const char *word = *c->words++;

        if (!option || has_value || option->argument != OPTION_REQUIRED_ARGUMENT)
                return strv_push(&a->passed, word) < 0 ? out_of_memory(error) : 0;
        if (!*c->words)
                return arguments_usage(a->verb, error, "Option '%s' needs a value", word);
        if (strv_pushf(&a->passed, word[1] == '-' ? "%s=%s" : "%s%s", word, *c->words++) < 0)
                return out_of_memory(error);
        return 0;
}

static int parse_long(Arguments *a, Cursor *c, Error *error)
{
        const char *word = *c->words, *equals = strchr(word, '=');
        _cleanup_free_ char *name =
                equals ? strndup(word + 2, (size_t)(equals - word) - 2) : strdup(word + 2);
        const Flag *flag;

        if (!name)
                return out_of_memory(error);
        if (strcmp(name, "help") == 0)
                return 1;
        flag = verb_flag(a->verb, name);
        if (!flag && a->verb->launcher_options) {
                const Option *option = option_by_name(name);

                if (option)
                        return pass_option(a, c, option, equals, error);
        }
        if (!flag)
                return arguments_usage(a->verb, error, "Unknown option '--%s' of '%s'", name,
                                       a->verb->name);
        if (!flag->metavar && equals)
                return arguments_usage(a->verb, error, "Option '--%s' takes no value", name);
        c->words++;
        if (!flag->metavar || equals)
                return add_given(a, flag, equals ? equals + 1 : NULL, error);
        if (!*c->words)
                return arguments_usage(a->verb, error, "Option '--%s' needs a value: --%s=%s", name,
                                       name, flag->metavar);
        return add_given(a, flag, *c->words++, error);
}

static int parse_letters(Arguments *a, Cursor *c, Error *error)
{
        const char *word = *c->words;

        for (const char *p = word + 1; *p; p++) {
                const Flag *flag = flag_by_letter(a->verb, *p);
                int r;

                if (!flag && *p == 'h')
                        return 1;
                if (!flag && p == word + 1 && a->verb->launcher_options) {
                        const Option *option = option_by_letter(*p);

                        if (option)
                                return pass_option(a, c, option, p[1] != '\0', error);
                }
                if (!flag)
                        return arguments_usage(a->verb, error, "Unknown option '-%c' of '%s'", *p,
                                               a->verb->name);
                if (!flag->metavar) {
                        r = add_given(a, flag, NULL, error);
                        if (r < 0)
                                return r;
                        continue;
                }
                c->words++;
                if (p[1] != '\0')
                        return add_given(a, flag, p + 1, error);
                if (!*c->words)
                        return arguments_usage(a->verb, error, "Option '-%c' needs a value", *p);
                return add_given(a, flag, *c->words++, error);
        }
        c->words++;
        return 0;
}

/* `exec --all CMD` names no machine, so its command starts one word earlier. */
static int words_before_command(const Arguments *a)
{
        if (a->verb->command_after > 0 && verb_flag(a->verb, "all") && arguments_has(a, "all"))
                return 0;
        return a->verb->command_after;
}

/* Reads one word or option. Returns 1 when --help was asked for. */
static int parse_one(Arguments *a, Cursor *c, Error *error)
{
        const char *word = *c->words;
        int before = words_before_command(a), n = (int)strv_length(a->words);

        if (!c->options_ended && strcmp(word, "--") == 0) {
                c->words++;
                c->options_ended = true;
                if (before == NO_COMMAND || n < before)
                        return 0;
                word = NULL; /* the rest is the command, whatever it looks like */
        } else if (!c->options_ended && word[0] == '-' && word[1] != '\0') {
                return word[1] == '-' ? parse_long(a, c, error) : parse_letters(a, c, error);
        }

        if (!word || (before >= 0 && n >= before)) {
                if (strv_extend(&a->command, c->words) < 0)
                        return out_of_memory(error);
                while (*c->words)
                        c->words++;
                return 0;
        }
        c->words++;
        return strv_push(&a->words, word) < 0 ? out_of_memory(error) : 0;
}

int arguments_parse(const Verb *verb, char *const *words, Arguments *ret, Error *error)
{
        _cleanup_arguments_ Arguments a = { .verb = verb };
        Cursor c = { .words = words };
        int n;

        while (*c.words) {
                int r = parse_one(&a, &c, error);

                if (r != 0)
                        return r;
        }
        n = (int)strv_length(a.words);
        if (n < verb->minimum && words_before_command(&a) != 0)
                return arguments_usage(verb, error, "'%s' needs %s", verb->name, verb->operands);
        if (verb->maximum != NO_LIMIT && n > verb->maximum)
                return arguments_usage(verb, error, "Too many words for '%s': '%s'", verb->name,
                                       a.words[verb->maximum]);
        *ret = a;
        a = (Arguments){};
        return 0;
}

static const FlagValue *last_given(const Arguments *a, const char *flag)
{
        assert(verb_flag(a->verb, flag));

        for (size_t i = a->n_given; i-- > 0;)
                if (strcmp(a->given[i].flag->name, flag) == 0)
                        return &a->given[i];
        return NULL;
}

bool arguments_has(const Arguments *a, const char *flag)
{
        return last_given(a, flag);
}

const char *arguments_value(const Arguments *a, const char *flag)
{
        const FlagValue *v = last_given(a, flag);

        return v ? v->value : NULL;
}

int arguments_values(const Arguments *a, const char *flag, char ***ret)
{
        _cleanup_strv_ char **values = NULL;

        for (size_t i = 0; i < a->n_given; i++)
                if (strcmp(a->given[i].flag->name, flag) == 0) {
                        int r = strv_push(&values, a->given[i].value);

                        if (r < 0)
                                return r;
                }
        *ret = TAKE_PTR(values);
        return 0;
}

int arguments_timeout(const Arguments *a, uint64_t fallback, uint64_t *ret, Error *error)
{
        const char *value = arguments_value(a, "timeout");

        *ret = fallback;
        if (value && parse_time(value, USEC_PER_SEC, ret) < 0)
                return arguments_usage(a->verb, error,
                                       "'%s' is no time span: write 30, 500ms or 1min 30s", value);
        return 0;
}
