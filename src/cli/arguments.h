/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A verb's command line, taken apart by the flags of its row: options, words, and the command that
 * some verbs run. Knows nothing of what they mean. */

#include "cli/verb.h"

#include <stdint.h>

typedef struct FlagValue {
        const Flag *flag;
        char *value; /* NULL: a switch */
} FlagValue;

struct Arguments {
        const Verb *verb;
        FlagValue *given;
        size_t n_given;
        char **passed;  /* the launcher's options, each one complete word */
        char **words;   /* names, before the command */
        char **command; /* the rest */
};

#define _cleanup_arguments_ _cleanup_(arguments_done)
void arguments_done(Arguments *a);

/* @words are those after the verb. Returns 1 if --help was asked for, VERB_USAGE with @error set on
 * a mistake, else 0. */
int arguments_parse(const Verb *verb, char *const *words, Arguments *ret, Error *error);

/* The flag must be one of the verb's row. */
bool arguments_has(const Arguments *a, const char *flag);
/* The last value given, or NULL. */
const char *arguments_value(const Arguments *a, const char *flag);
/* All values of a flag that may be repeated, in order. The caller frees the array. */
int arguments_values(const Arguments *a, const char *flag, char ***ret);
/* A time span in seconds or with units; @fallback microseconds if it was not given. */
int arguments_timeout(const Arguments *a, uint64_t fallback, uint64_t *ret, Error *error);

/* Sets @error with a pointer to the verb's help and returns VERB_USAGE. */
int arguments_usage(const Verb *verb, Error *error, const char *format, ...) _printf_(3, 4);
