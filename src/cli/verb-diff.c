/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead diff: what a running machine is, beside what its definition says. */

#include "cli/arguments.h"
#include "cli/difference.h"
#include "cli/names.h"
#include "cli/table.h"

#define EXIT_TROUBLE 2 /* as diff(1) */

static const Flag flags[] = {
        { "json", 0, NULL, "Print a JSON array" },
};

static const Column columns[] = {
        { NULL, "section", false },        { "KEY", "key", false },
        { "DECLARED", "declared", false }, { "RUNNING", "running", false },
        { "ORIGIN", "origin", false },     { "HOW", "how", false },
};

static void add_row(Table *t, const Difference *d)
{
        table_add(t, d->section, NULL);
        table_add(t, d->key, NULL);
        table_add(t, d->declared ? difference_text(d, d->declared) : NULL, NULL);
        table_add(t, d->running ? difference_text(d, d->running) : NULL, NULL);
        table_add(t, d->origin, NULL);
        table_add(t, option_apply_to_string(d->how), NULL);
}

static int compare(const Arguments *a, Error *error)
{
        _cleanup_comparison_ Comparison c = COMPARISON_NULL;
        _cleanup_differences_ Differences d = DIFFERENCES_NULL;
        _cleanup_table_ Table *t = table_new(columns, ELEMENTSOF(columns));
        bool json = arguments_has(a, "json");
        int r = names_check(NAMES_ALL, a->words[0], error);

        if (r >= 0)
                r = comparison_open(a->words[0], &c, error);
        if (r >= 0)
                r = differences_find(&c, &d, error);
        if (r < 0)
                return r;
        for (size_t i = 0; i < d.n; i++)
                add_row(t, &d.items[i]);
        if ((json || d.n > 0) && table_print(t, json) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        return d.n > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run(const Arguments *a, Error *error)
{
        int r = compare(a, error);

        if (r >= 0)
                return r;
        error_print(error);
        return EXIT_TROUBLE;
}

const Verb verb_diff = {
        .name = "diff",
        .operands = "NAME",
        .help = "Show where a running machine is not as its definition says",
        .text = "HOW is what it takes to apply a change: live, reload (of the machine's systemd), "
                "restart, or\nnothing but the next start. The exit status is 0 if there is no "
                "difference, 1 if there is one,\n2 if they cannot be compared.",
        .group = VERB_GROUP_DEFINITION,
        .operand_kind = OPERAND_RUNNING,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 1,
        .maximum = 1,
        .command_after = NO_COMMAND,
        .run = run,
};
