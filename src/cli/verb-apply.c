/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead apply: changed definitions take effect, each key in the least disruptive way that there is
 * for it. */

#include "base/strv.h"
#include "bus/systemd.h"
#include "bus/unit-control.h"
#include "cli/apply.h"
#include "cli/arguments.h"
#include "cli/life-systemd.h"
#include "cli/life.h"
#include "cli/names.h"
#include "cli/table.h"

#include <stdio.h>
#include <string.h>

static const Flag flags[] = {
        { "dry-run", 'n', NULL, "Only print what would be done" },
        { "no-restart", 0, NULL, "Leave what needs a restart as it is" },
        { "start", 0, NULL, "Also start machines that do not run" },
        { "json", 0, NULL, "Print a JSON array" },
};

static const Column columns[] = {
        { "NAME", "name", false },         { NULL, "section", false },      { "KEY", "key", false },
        { "DECLARED", "declared", false }, { "RUNNING", "running", false }, { "HOW", "how", false },
        { "RESULT", "result", false },
};

typedef struct Run {
        bool dry_run, no_restart, start, named;
        Table *table;
        char **to_restart, **to_start;
        int status;
} Run;

static void run_done(Run *run)
{
        table_free(run->table);
        strv_free(run->to_restart);
        strv_free(run->to_start);
}

static void add_row(Run *run, const char *name, const Difference *d, const char *result)
{
        table_add(run->table, name, NULL);
        table_add(run->table, d->section, NULL);
        table_add(run->table, d->key, NULL);
        table_add(run->table, d->declared ? difference_text(d, d->declared) : NULL, NULL);
        table_add(run->table, d->running ? difference_text(d, d->running) : NULL, NULL);
        table_add(run->table, option_apply_to_string(d->how), NULL);
        table_add(run->table, result, NULL);
}

/* Prints what is in @error; the other machines and keys are not to suffer. */
static bool failed(Run *run, int r, const Error *error)
{
        if (r >= 0)
                return false;
        error_print(error);
        run->status = EXIT_FAILURE;
        return true;
}

static bool needs_restart(const Differences *d)
{
        for (size_t i = 0; i < d->n; i++)
                if (d->items[i].how == OPTION_APPLY_RESTART)
                        return true;
        return false;
}

static void apply_option(Run *run, Comparison *c, const Difference *d)
{
        _cleanup_error_ Error error = ERROR_NULL;

        add_row(run, c->name, d, failed(run, apply_live(c, d, &error), &error) ? "failed" : "done");
}

/* All that goes without a restart. */
static void apply_all(Run *run, Comparison *c, const Differences *d)
{
        _cleanup_error_ Error limits_error = ERROR_NULL, reload_error = ERROR_NULL,
                              save_error = ERROR_NULL;
        bool limits = !failed(run, apply_limits(c, d, &limits_error), &limits_error);
        bool reload = !failed(run, apply_reload(c, d, &reload_error), &reload_error);

        for (size_t i = 0; i < d->n; i++) {
                const Difference *item = &d->items[i];

                if (item->how == OPTION_APPLY_RESTART)
                        add_row(run, c->name, item, "left");
                else if (item->how == OPTION_APPLY_START)
                        add_row(run, c->name, item, "waits");
                else if (item->how == OPTION_APPLY_RELOAD)
                        add_row(run, c->name, item, reload ? "done" : "failed");
                else if (item->option)
                        apply_option(run, c, item);
                else
                        add_row(run, c->name, item, limits ? "done" : "failed");
        }
        (void)failed(run, comparison_save(c, &save_error), &save_error);
}

/* A restart brings everything; only what was set over the definition has to go first. */
static int prepare_restart(Run *run, Comparison *c, const Differences *d, Error *error)
{
        int r = comparison_try_start(c, error); /* better as it is than not at all */

        if (r >= 0 && c->is_service)
                r = apply_limits(c, d, error);
        for (size_t i = 0; i < d->n; i++)
                add_row(run, c->name, &d->items[i], r < 0 ? "failed" : "restart");
        return r < 0 ? r : strv_push(&run->to_restart, c->name);
}

static int apply_machine(Run *run, const char *name, Error *error)
{
        _cleanup_comparison_ Comparison c = COMPARISON_NULL;
        _cleanup_differences_ Differences d = DIFFERENCES_NULL;
        int r = comparison_open(name, &c, error);

        if (r >= 0)
                r = differences_find(&c, &d, error);
        if (r < 0)
                return r;
        if (run->dry_run) {
                for (size_t i = 0; i < d.n; i++)
                        add_row(run, name, &d.items[i], NULL);
                return 0;
        }
        if (d.n == 0)
                return 0;
        if (needs_restart(&d) && !run->no_restart)
                return prepare_restart(run, &c, &d, error);
        apply_all(run, &c, &d);
        if (needs_restart(&d)) {
                error_hint(error, "stead restart %s", name);
                return error_set(error, EBUSY,
                                 "Machine '%s' is not all as declared without a "
                                 "restart",
                                 name);
        }
        return 0;
}

/* Whether the host is to have it running: as it was asked to, or by `enable`. */
static bool is_wanted(const Run *run, const char *name)
{
        _cleanup_life_manager_ LifeManager *manager = NULL;
        _cleanup_free_ char *unit = NULL, *state = NULL;

        if (run->named)
                return true;
        return life_manager_open(&manager) > 0 && systemd_service_of(name, &unit) >= 0 &&
               systemd_unit_file_state(life_manager_bus(manager), unit, &state, NULL) >= 0 &&
               strcmp(state, "enabled") == 0;
}

static int visit(Run *run, const char *name)
{
        _cleanup_machine_ Machine *m = NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        int r;

        if (machine_open(name, &m, NULL) >= 0) {
                r = apply_machine(run, name, &error);
                if (r == -ENOMEM && error.number == 0)
                        return r;
                (void)failed(run, r, &error);
                return 0;
        }
        if (run->start && is_wanted(run, name)) {
                if (run->dry_run)
                        fprintf(stderr, "Machine '%s' would be started.\n", name);
                return strv_push(&run->to_start, name);
        }
        if (run->named)
                fprintf(stderr,
                        "Machine '%s' is not running; its definition counts from its next "
                        "start on.\n",
                        name);
        return 0;
}

static void restart_and_start(Run *run)
{
        STRV_FOREACH (n, run->to_restart)
                fprintf(stderr, "Machine '%s' is restarted.\n", *n);
        if (run->to_restart)
                run->status |= life_restart(run->to_restart, LIFE_START_USEC);
        if (run->to_start)
                run->status |= life_start(run->to_start, true, LIFE_START_USEC);
}

static int run(const Arguments *a, Error *error)
{
        _cleanup_(run_done) Run run = { .dry_run = arguments_has(a, "dry-run"),
                                        .no_restart = arguments_has(a, "no-restart"),
                                        .start = arguments_has(a, "start"),
                                        .named = a->words,
                                        .table = table_new(columns, ELEMENTSOF(columns)) };
        _cleanup_strv_ char **names = NULL;
        bool json = arguments_has(a, "json");
        int r = a->words ? names_select(NAMES_ALL, a->words, &names, error)
                         : names_list(NAMES_DEFINED, &names, error);

        if (r < 0)
                return r;
        STRV_FOREACH (n, names)
                if (visit(&run, *n) < 0)
                        return error_set(error, ENOMEM, "Out of memory");
        if ((json || table_rows(run.table) > 0) && table_print(run.table, json) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        (void)fflush(stdout); /* before a restart, which takes its time */
        if (!run.dry_run)
                restart_and_start(&run);
        return run.status;
}

const Verb verb_apply = {
        .name = "apply",
        .operands = "[NAME...]",
        .help = "Make running machines what their definitions say",
        .text = "What can change while a machine runs is changed, some by telling the machine's "
                "systemd; a\nmachine with anything else is restarted once. Without a name: all "
                "running machines that have\na definition. See `stead diff`.",
        .group = VERB_GROUP_DEFINITION,
        .operand_kind = OPERAND_ANY,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 0,
        .maximum = NO_LIMIT,
        .command_after = NO_COMMAND,
        .run = run,
};
