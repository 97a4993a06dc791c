/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The option table: one row is one option, with its key in a definition, its name on the command
 * line, its type, its place in Settings, who may set it and what to say about it. Parser, command
 * line, --help, manual page, completion and `stead cat` all read these rows and nothing else. */

#include "config/settings.h"

#include <stdio.h>

/* Headings of --help and of the manual page. */
typedef enum OptionGroup {
        OPTION_GROUP_GENERAL,
        OPTION_GROUP_TREE,
        OPTION_GROUP_EXECUTION,
        OPTION_GROUP_IDENTITY,
        OPTION_GROUP_UNIT,
        OPTION_GROUP_USERS,
        OPTION_GROUP_NETWORK,
        OPTION_GROUP_SECURITY,
        OPTION_GROUP_RESOURCES,
        OPTION_GROUP_INTEGRATION,
        OPTION_GROUP_MOUNTS,
        OPTION_GROUP_CONSOLE,
        OPTION_GROUP_CREDENTIALS,
        _OPTION_GROUP_MAX,
} OptionGroup;

typedef enum OptionArgument {
        OPTION_NO_ARGUMENT,       /* a bare switch; as a key it takes a boolean */
        OPTION_OPTIONAL_ARGUMENT, /* only after '=' */
        OPTION_REQUIRED_ARGUMENT,
} OptionArgument;

typedef enum OptionTrust {
        OPTION_UNTRUSTED,     /* honoured also in a file found next to the tree */
        OPTION_TRUSTED,       /* only from a trusted file or the command line */
        OPTION_DENY_UNTRUSTED /* untrusted only as far as it takes away (SystemCallFilter=~x) */
} OptionTrust;

/* Whose key a row is. */
typedef enum OptionHolder {
        OPTION_OF_MACHINE,
        OPTION_OF_BOTH, /* also of a pod */
        OPTION_OF_POD,  /* and of no machine */
} OptionHolder;

/* How a changed value comes into force in a machine that runs (stead apply). */
typedef enum OptionApply {
        OPTION_APPLY_RESTART, /* only by a start */
        OPTION_APPLY_RELOAD,  /* by telling the machine's systemd; another init needs a restart */
        OPTION_APPLY_LIVE,    /* from outside, at once */
        OPTION_APPLY_START,   /* it only says how the next start or stop is done: nothing to do */
        _OPTION_APPLY_MAX,
        _OPTION_APPLY_INVALID = -EINVAL,
} OptionApply;
DECLARE_STRING_TABLE(option_apply, OptionApply);

typedef struct Option Option;
typedef struct Assignments Assignments;

/* Parses @value into the field of fresh or older settings; the message of @error is the reason only
 * ("not a boolean, write yes or no"), the caller names the place. @origin ("file:line", "--bind")
 * is kept with values that are complained about later. @value NULL: a switch without argument.
 * Never called with an empty value: that means "the default", or resets a list. */
typedef int (*OptionParse)(const Option *option, const char *value, const char *origin,
                           Settings *settings, Error *error);
/* The value as one would write it; for lists one line each. Nothing if it is not given. */
typedef int (*OptionFormat)(const Option *option, const Settings *settings, Buffer *out);
/* One word of the command line to assignments, where that is not simply the word: a relative path,
 * a word that a definition would have to quote, another row's value. */
typedef int (*OptionFromWord)(const Option *option, const char *word, const char *origin,
                              Assignments *a, Error *error);
/* All values there are, for `=help`, completion and the manual page. */
typedef int (*OptionChoices)(char ***ret);

struct Option {
        const char *section; /* NULL: no key */
        const char *key;
        const char *name; /* long option without "--", NULL: no command line spelling */
        char letter;      /* short option, or 0 */
        OptionArgument argument;
        OptionGroup group;
        OptionTrust trust;
        OptionHolder holder;
        OptionApply apply;
        bool list;           /* values add up; an empty one resets */
        bool secret;         /* never repeat the value in a message */
        const char *metavar; /* "PATH" */
        const char *help;    /* one line */
        const char *text;    /* manual page: a paragraph; NULL: the help line will do */
        size_t offset;       /* into Settings, for the generic parsers */
        OptionParse parse;
        OptionFormat format;
        OptionFromWord from_word; /* NULL: the word is the value */
        const StringTable *table; /* enumerations */
        OptionChoices choices;    /* what is not an enumeration but can be listed */
        /* Second spelling of the row before it (-U, -P, -j): stored as that row's value, these
         * two for yes and no. Not a row of its own in `stead cat`. */
        const char *twin_yes, *twin_no;
};

extern const Option option_table[];
extern const size_t option_count;

/* By definition key, by long option, by short option; NULL if there is none. */
const Option *option_by_key(const char *section, const char *key);
const Option *option_by_name(const char *name);
const Option *option_by_letter(char letter);
size_t option_index(const Option *option);
/* Whether someone gave a value, by long option or by key. */
bool settings_is_set(const Settings *settings, const char *name_or_key);
/* The values that can be listed, or an empty array. */
int option_choices(const Option *option, char ***ret);
/* "Boot=" or "--console", to name the row in a message. */
const char *option_spelling(const Option *option, char *buffer, size_t size);

/* One given value and where it was given. The list of them, in order, is what `stead cat` shows;
 * applying them in order makes Settings. */
typedef struct Assignment {
        const Option *option;
        char *value;  /* NULL: switch */
        char *origin; /* "/etc/stead/web.machine:12" or "--bind" */
        bool trusted;
} Assignment;

struct Assignments {
        Assignment *items;
        size_t n;
};

#define ASSIGNMENTS_NULL ((Assignments){})
#define _cleanup_assignments_ _cleanup_(assignments_done)
void assignments_done(Assignments *a);
/* Adds a copy. A twin is stored as the row it stands for. The value must have been checked. */
int assignments_add(Assignments *a, const Option *option, const char *value, const char *origin,
                    bool trusted);
/* Appends @more, leaving it empty. */
int assignments_append_take(Assignments *a, Assignments *more);
/* Drops all to one option. */
void assignments_remove(Assignments *a, const Option *option);
/* The one that counts for @option (for a list, the last that adds to it), or NULL. */
const Assignment *assignments_find(const Assignments *a, const Option *option);
/* Whether no later item replaces item @i or, of a list, takes back those before it. */
bool assignments_is_in_force(const Assignments *a, size_t i);
/* Parses one value for its errors only. An empty value is fine. */
int option_check(const Option *option, const char *value, Error *error);

/* Applies all in order, later ones win key by key, lists add up, and checks what excludes what.
 * Values were checked one by one before; this reports the first conflict. */
int settings_from_assignments(const Assignments *a, Settings **ret, Error *error);

/* --help, the options of stead-launch(1), the keys of stead.machine(5), those among the resources
 * that are not systemd's, and those of stead.pod(5) (all four scdoc), and bash completion from the
 * table. */
int option_print_help(FILE *f);
int option_print_scdoc(FILE *f);
int option_print_keys(FILE *f);
int option_print_resource_keys(FILE *f);
int option_print_pod_keys(FILE *f);
int option_print_completion(FILE *f);
