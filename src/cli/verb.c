/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All verbs in the order of the help, and the help itself. */

#include "cli/verb.h"

#include "base/cleanup.h"
#include "base/nearest.h"

#include <string.h>

/* A line each, so that two new verbs do not meet. */
/* clang-format off */
const Verb *const verb_table[] = {
        &verb_create,
        &verb_build,
        &verb_remove,
        &verb_update,
        &verb_rollback,
        &verb_history,
        &verb_drift,
        &verb_try,
        &verb_commit,
        &verb_discard,
        &verb_layer,
        &verb_remote,
        &verb_pull,
        &verb_publish,
        &verb_boot,
        &verb_run,
        &verb_start,
        &verb_stop,
        &verb_restart,
        &verb_reboot,
        &verb_enable,
        &verb_disable,
        &verb_kill,
        &verb_set,
        &verb_pod,
        &verb_exec,
        &verb_shell,
        &verb_login,
        &verb_console,
        &verb_bind,
        &verb_unbind,
        &verb_cp,
        &verb_list,
        &verb_status,
        &verb_top,
        &verb_net,
        &verb_show,
        &verb_logs,
        &verb_plan,
        &verb_cat,
        &verb_edit,
        &verb_check,
        &verb_diff, &verb_apply,
};
/* clang-format on */
const size_t verb_count = ELEMENTSOF(verb_table);

static const char *const group_titles[_VERB_GROUP_MAX] = {
        [VERB_GROUP_TREES] = "Trees",
        [VERB_GROUP_LAYERS] = "Layers",
        [VERB_GROUP_LIFE] = "Life of a machine",
        [VERB_GROUP_INSIDE] = "Inside a machine",
        [VERB_GROUP_LOOK] = "Looking at machines",
        [VERB_GROUP_DEFINITION] = "Definitions",
};

const Verb *verb_find(const char *name)
{
        for (size_t i = 0; i < verb_count; i++)
                if (strcmp(verb_table[i]->name, name) == 0)
                        return verb_table[i];
        return NULL;
}

const char *verb_word(const Verb *verb)
{
        const char *space = strchr(verb->name, ' ');

        return space ? space + 1 : verb->name;
}

static const Verb *find_in_group(const Verb *group, const char *word)
{
        for (size_t i = 0; i < group->n_verbs; i++)
                if (strcmp(verb_word(group->verbs[i]), word) == 0)
                        return group->verbs[i];
        return NULL;
}

const Verb *verb_take(char *const **words)
{
        const Verb *verb = **words ? verb_find(**words) : NULL, *inner;

        if (!verb)
                return NULL;
        (*words)++;
        inner = verb->verbs && **words ? find_in_group(verb, **words) : NULL;
        if (!inner)
                return verb;
        (*words)++;
        return inner;
}

const Verb *verb_nearest(const Verb *group, const char *name)
{
        Nearest nearest = NEAREST(name);
        size_t n = group ? group->n_verbs : verb_count;

        for (size_t i = 0; i < n; i++)
                nearest_offer(&nearest, group ? verb_word(group->verbs[i]) : verb_table[i]->name);
        if (!nearest.best)
                return NULL;
        return group ? find_in_group(group, nearest.best) : verb_find(nearest.best);
}

const Flag *verb_flag(const Verb *verb, const char *name)
{
        for (size_t i = 0; i < verb->n_flags; i++)
                if (strcmp(verb->flags[i].name, name) == 0)
                        return &verb->flags[i];
        return NULL;
}

static void print_flag(const Flag *flag, FILE *f)
{
        char left[64];

        (void)snprintf(left, sizeof(left), "--%s%s%s", flag->name, flag->metavar ? "=" : "",
                       flag->metavar ?: "");
        if (flag->letter)
                fprintf(f, "  -%c, %-26s %s\n", flag->letter, left, flag->help);
        else
                fprintf(f, "      %-26s %s\n", left, flag->help);
}

static void print_row(const Verb *verb, FILE *f)
{
        char left[64];

        (void)snprintf(left, sizeof(left), "%s %s", verb_word(verb), verb->operands);
        fprintf(f, "  %-30s %s\n", left, verb->help);
}

static void print_group_help(const Verb *group, FILE *f)
{
        fprintf(f, "stead %s VERB [OPTIONS] [NAME...]\n\n%s.\n\nVerbs:\n", group->name,
                group->help);
        for (size_t i = 0; i < group->n_verbs; i++)
                print_row(group->verbs[i], f);
        if (group->text)
                fprintf(f, "\n%s\n", group->text);
        fprintf(f, "\n`stead %s VERB --help` tells more about each.\n", group->name);
}

void verb_print_help(const Verb *verb, FILE *f)
{
        if (verb->verbs) {
                print_group_help(verb, f);
                return;
        }
        fprintf(f, "stead %s [OPTIONS]%s%s\n\n%s.\n", verb->name, *verb->operands ? " " : "",
                verb->operands, verb->help);
        if (verb->text)
                fprintf(f, "\n%s\n", verb->text);
        fputs("\nOptions:\n", f);
        for (size_t i = 0; i < verb->n_flags; i++)
                print_flag(&verb->flags[i], f);
        print_flag(&(Flag){ .name = "help", .letter = 'h', .help = "Show this text" }, f);
        if (verb->launcher_options)
                fputs("\nAll options of stead-launch may be given as well, before the name.\n", f);
}

void verb_print_overview(FILE *f)
{
        fputs("stead VERB [OPTIONS] [NAME...]\n\n"
              "Boots whole operating system trees, each with its own init, and looks after them.\n",
              f);
        for (VerbGroup g = 0; g < _VERB_GROUP_MAX; g++) {
                fprintf(f, "\n%s:\n", group_titles[g]);
                for (size_t i = 0; i < verb_count; i++)
                        if (verb_table[i]->group == g)
                                print_row(verb_table[i], f);
        }
        fputs("\nNames may be patterns ('web*') where several machines make sense.\n"
              "`stead VERB --help` tells more about a verb, stead(1) about all of them.\n",
              f);
}
