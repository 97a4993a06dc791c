/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead check: everything that is wrong with definitions, with file and line. */

#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/names.h"
#include "cli/table.h"
#include "cli/tree-architecture.h"
#include "config/definition.h"
#include "config/host-settings.h"
#include "config/later-option.h"
#include "config/pod.h"

#include <stdio.h>
#include <string.h>

#define POD_PREFIX "pod:" /* before the name of a pod, where names of machines are */

static const Flag flags[] = {
        { "json", 0, NULL, "Print a JSON array" },
};

static const Column columns[] = {
        { "NAME", "name", false },     { "SEVERITY", "severity", false },
        { "ORIGIN", "origin", false }, { "MESSAGE", "message", false },
        { "HINT", "hint", false },
};

static void add_rows(Table *t, const char *name, const Diagnostics *d)
{
        for (size_t i = 0; i < d->n; i++) {
                const Diagnostic *item = &d->items[i];

                table_add(t, name, NULL);
                table_add(t, item->severity == DIAGNOSTIC_ERROR ? "error" : "warning", NULL);
                table_add(t, item->origin, NULL);
                table_add(t, item->message, NULL);
                table_add(t, item->hint, NULL);
        }
}

/* Values are checked line by line; what excludes what only shows when all are put together, and
 * only then it is known which tree they are for. */
static int check_together(const char *name, const Definition *d, Diagnostics *diagnostics)
{
        _cleanup_settings_ Settings *settings = NULL;
        _cleanup_error_ Error problem = ERROR_NULL;

        if (settings_from_assignments(&d->assignments, &settings, &problem) < 0)
                return diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, d->path ?: name, &problem);
        return tree_architecture_diagnose(name, settings, diagnostics);
}

static int check_one(const char *name, Diagnostics *diagnostics, Error *error)
{
        _cleanup_definition_ Definition *d = NULL;
        int r = definition_read(&(DefinitionPlace){ .root = "" }, name, &d, diagnostics, error);

        if (r < 0)
                return r;
        /* not a matter of one line, and only known if all lines are */
        if (diagnostics->n_errors == later_count(&d->assignments))
                r = check_together(name, d, diagnostics);
        if (r >= 0)
                r = pod_diagnose_missing("", &d->assignments, diagnostics);
        return r < 0 ? error_errno(error, -r, "Failed to check '%s'", name) : 0;
}

static int check_pod(const char *name, Diagnostics *diagnostics, Error *error)
{
        _cleanup_error_ Error problem = ERROR_NULL;
        _cleanup_pod_ Pod *pod = NULL;
        int r = pod_load("", name, &pod, diagnostics, &problem);

        return r < 0 && diagnostics->n_errors == 0 ? error_move(error, &problem) : 0;
}

/* What has been found in all files together. */
typedef struct Findings {
        Table *table;
        bool json;
        size_t n_errors, n_warnings;
} Findings;

static void report(Findings *f, const char *name, const Diagnostics *d)
{
        if (f->json)
                add_rows(f->table, name, d);
        else
                diagnostics_print(d, stdout);
        f->n_errors += d->n_errors;
        f->n_warnings += d->n - d->n_errors;
}

static int check_host(Findings *f, Error *error)
{
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        HostSettings settings;
        int r = host_settings_load(HOST_SETTINGS_PATH, &settings, &diagnostics, error);

        if (r >= 0)
                report(f, NULL, &diagnostics);
        return r;
}

/* Machines by their names, then pods with the prefix. */
static int select_names(char *const *words, char ***ret, Error *error)
{
        _cleanup_strv_ char **machines = NULL, **names = NULL, **pods = NULL;
        int r = 0;

        for (char *const *w = words; r >= 0 && w && *w; w++)
                r = strv_push(strncmp(*w, POD_PREFIX, strlen(POD_PREFIX)) == 0 ? &pods : &machines,
                              *w);
        if (r >= 0 && machines)
                r = names_select(NAMES_DEFINED, machines, &names, error);
        else if (r >= 0 && !words)
                r = names_list(NAMES_DEFINED, &names, error);
        if (r >= 0 && !words) {
                _cleanup_strv_ char **all = NULL;

                r = definition_list_pods("", &all);
                STRV_FOREACH (name, all)
                        r = r >= 0 ? strv_pushf(&pods, POD_PREFIX "%s", *name) : r;
        }
        if (r >= 0)
                r = strv_extend(&names, pods);
        if (r < 0)
                return error && error->number != 0
                               ? r
                               : error_errno(error, -r, "Failed to list definitions");
        *ret = TAKE_PTR(names);
        return 0;
}

static int check_all(Findings *f, char **names, bool asked_for, Error *error)
{
        STRV_FOREACH (n, names) {
                _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
                _cleanup_error_ Error problem = ERROR_NULL;
                bool pod = strncmp(*n, POD_PREFIX, strlen(POD_PREFIX)) == 0;
                int r = pod ? check_pod(*n + strlen(POD_PREFIX), &diagnostics, &problem)
                            : check_one(*n, &diagnostics, &problem);

                if (r == -ERFKILL && !asked_for)
                        continue; /* hidden on purpose */
                if (r < 0)
                        return error_move(error, &problem);
                report(f, *n, &diagnostics);
        }
        return 0;
}

static int run(const Arguments *a, Error *error)
{
        _cleanup_strv_ char **names = NULL;
        _cleanup_table_ Table *t = table_new(columns, ELEMENTSOF(columns));
        Findings f = { .table = t, .json = arguments_has(a, "json") };
        int r = select_names(a->words, &names, error);

        if (r < 0)
                return r;
        r = check_all(&f, names, a->words, error);
        if (r >= 0 && !a->words)
                r = check_host(&f, error);
        if (r < 0)
                return r;
        if (f.json)
                (void)table_print(t, true); /* the status says it anyway */
        else
                fprintf(stderr, "%zu definition%s checked: %zu error%s, %zu warning%s.\n",
                        strv_length(names), strv_length(names) == 1 ? "" : "s", f.n_errors,
                        f.n_errors == 1 ? "" : "s", f.n_warnings, f.n_warnings == 1 ? "" : "s");
        return f.n_errors > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

const Verb verb_check = {
        .name = "check",
        .operands = "[NAME...]",
        .help = "Report every error of definitions, with file and line",
        .text = "A pod is named pod:NAME. Without a name: all definitions of machines and pods, "
                "and /etc/stead/stead.conf. The exit status is 1 if there is any error.",
        .group = VERB_GROUP_DEFINITION,
        .operand_kind = OPERAND_ANY,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 0,
        .maximum = NO_LIMIT,
        .command_after = NO_COMMAND,
        .for_everyone = true,
        .run = run,
};
