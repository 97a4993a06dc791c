/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The table of verbs: one row per verb, one file per verb. Parsing, --help, shell completion and
 * the test of the manual page read these rows and nothing else. */

#include "base/error.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef struct Arguments Arguments;

typedef struct Flag {
        const char *name;    /* without "--" */
        char letter;         /* or 0 */
        const char *metavar; /* NULL: takes no value */
        const char *help;
} Flag;

typedef enum VerbGroup {
        VERB_GROUP_TREES,
        VERB_GROUP_LAYERS,
        VERB_GROUP_LIFE,
        VERB_GROUP_INSIDE,
        VERB_GROUP_LOOK,
        VERB_GROUP_DEFINITION,
        _VERB_GROUP_MAX,
} VerbGroup;

/* What a verb's words are, for completion. */
typedef enum OperandKind {
        OPERAND_NONE,
        OPERAND_RUNNING,     /* names of running machines */
        OPERAND_ANY,         /* names of all machines */
        OPERAND_ANY_OR_PATH, /* the same, or a directory */
        OPERAND_COPY,        /* paths of the host and NAME:PATH */
        OPERAND_BIND,        /* a running machine, a path of the host, one of the machine */
        OPERAND_UNBIND,      /* a running machine, what is bound into it */
        OPERAND_NET,         /* list or check, running machines */
        OPERAND_LAYER,       /* names of layers */
} OperandKind;

#define NO_COMMAND (-1)
#define COMMAND_AFTER_DASHES (-2) /* "--" begins it, after any number of words */
#define NO_LIMIT (-1)

typedef struct Verb Verb;
struct Verb {
        const char *name;     /* "list"; "layer list" in the table of "layer" */
        const char *operands; /* as --help shows them */
        const char *help;     /* one line */
        const char *text;     /* paragraph of the verb's own --help, or NULL */
        VerbGroup group;
        OperandKind operand_kind;
        const Flag *flags;
        size_t n_flags;
        int minimum, maximum;  /* number of words; NO_LIMIT */
        int command_after;     /* after so many words all is a command line; NO_COMMAND */
        bool launcher_options; /* unknown options are the launcher's */
        bool for_everyone;     /* needs no root: it reads what all may, or the launcher says so */
        /* The exit status, or negative with @error set; VERB_USAGE for a wrong command line. */
        int (*run)(const Arguments *arguments, Error *error);
        /* A verb that is several: its first word chooses one of these. Then the row has no flags,
         * and nobody runs it. */
        const Verb *const *verbs;
        size_t n_verbs;
};

#define VERB_USAGE INT_MIN
#define EXIT_USAGE 2

extern const Verb verb_apply, verb_bind, verb_boot, verb_build, verb_cat, verb_check, verb_console,
        verb_cp, verb_create, verb_diff, verb_discard, verb_disable, verb_drift, verb_edit,
        verb_enable, verb_exec, verb_history, verb_kill, verb_layer, verb_list, verb_login,
        verb_logs, verb_net, verb_plan, verb_pod, verb_publish, verb_pull, verb_reboot, verb_remote,
        verb_remove, verb_restart, verb_rollback, verb_run, verb_set, verb_shell, verb_show,
        verb_start, verb_status, verb_stop, verb_top, verb_try, verb_unbind, verb_update,
        verb_commit;

extern const Verb *const verb_table[];
extern const size_t verb_count;

const Verb *verb_find(const char *name);
/* The verb that *words begins with, and *words after it. Where a group has no such verb, or the
 * word is missing or an option, the group. */
const Verb *verb_take(char *const **words);
/* What a person types after the group: "list" of "layer list". */
const char *verb_word(const Verb *verb);
/* The verb most like a misspelt one, or NULL. @group: NULL for the table itself. */
const Verb *verb_nearest(const Verb *group, const char *name);
const Flag *verb_flag(const Verb *verb, const char *name);

void verb_print_help(const Verb *verb, FILE *f);
/* Help of the program: all verbs by group. */
void verb_print_overview(FILE *f);
