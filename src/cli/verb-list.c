/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead list: one line a machine. */

#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/format.h"
#include "cli/names.h"
#include "cli/overview.h"
#include "cli/table.h"

#include <fnmatch.h>
#include <stdio.h>

static const Flag flags[] = {
        { "all", 'a', NULL, "Also trees and definitions that are not running" },
        { "quiet", 'q', NULL, "Names only" },
        { "json", 0, NULL, "Print a JSON array" },
};

static const Column columns[] = {
        { "NAME", "name", false },
        { "STATE", "state", false },
        { "INIT", "init", false },
        { "OS", "os", false },
        { "ADDRESSES", "addresses", false },
        { "LEADER", "leader", true },
        { "MEMORY", "memory", true },
        { "SINCE", "started_usec", false },
        { NULL, "ready_usec", false },
        { NULL, "launcher", false },
        { NULL, "root", false },
        { NULL, "definition", false },
};

static Color state_color(const Overview *o)
{
        if (!o->machine)
                return COLOR_FAINT;
        return o->machine->state == MACHINE_RUNNING ? COLOR_GOOD : COLOR_BUSY;
}

static void add_integer(Table *t, const char *text, uint64_t value, bool known)
{
        table_add(t, known ? text : NULL, known ? json_integer((json_int_t)value) : NULL);
}

static void add_addresses(Table *t, const Overview *o)
{
        _cleanup_free_ char *text = NULL;
        json_t *array = json_array();

        STRV_FOREACH (a, o->addresses)
                (void)json_array_append_new(array, json_string(*a));
        if (o->addresses && o->addresses[0])
                (void)asprintf(&text, o->addresses[1] ? "%s..." : "%s", o->addresses[0]);
        table_add(t, text, array);
}

static void add_row(Table *t, const Overview *o)
{
        const Machine *m = o->machine;
        char number[32], size[FORMAT_MAX], span[FORMAT_MAX];

        table_add(t, o->name, NULL);
        table_add_color(t, overview_state(o), state_color(o));
        table_add(t, m ? init_kind_to_string(m->init) : NULL, NULL);
        table_add(t, o->os, NULL);
        add_addresses(t, o);
        (void)snprintf(number, sizeof(number), "%d", m ? (int)m->leader : 0);
        add_integer(t, number, m ? (uint64_t)m->leader : 0, m);
        add_integer(t, format_size(o->memory, size), o->memory, o->memory != OVERVIEW_UNKNOWN);
        add_integer(t, m ? format_span(usec_since(m->started_usec), span) : NULL,
                    m ? m->started_usec : 0, m);
        add_integer(t, "", m ? m->ready_usec : 0, m && m->ready_usec > 0);
        add_integer(t, "", m ? (uint64_t)m->launcher : 0, m);
        table_add(t, o->root, NULL);
        table_add(t, o->definition, NULL);
}

static bool wanted(const Arguments *a, const char *name)
{
        STRV_FOREACH (w, a->words)
                if (fnmatch(*w, name, 0) == 0)
                        return true;
        return !a->words;
}

static int run(const Arguments *a, Error *error)
{
        _cleanup_strv_ char **names = NULL;
        _cleanup_table_ Table *t = table_new(columns, ELEMENTSOF(columns));
        bool json = arguments_has(a, "json");
        int r = names_list(arguments_has(a, "all") ? NAMES_ALL : NAMES_RUNNING, &names, error);

        if (r < 0)
                return r;
        STRV_FOREACH (n, names) {
                _cleanup_overview_ Overview o = OVERVIEW_NULL;

                if (!wanted(a, *n))
                        continue;
                if (arguments_has(a, "quiet") && !json) {
                        puts(*n);
                        continue;
                }
                if (overview_load(*n, &o) < 0)
                        return error_set(error, ENOMEM, "Out of memory");
                add_row(t, &o);
        }
        if (arguments_has(a, "quiet") && !json)
                return EXIT_SUCCESS;
        if (table_print(t, json) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        if (!json)
                printf("\n%zu machine%s%s.\n", table_rows(t), table_rows(t) == 1 ? "" : "s",
                       arguments_has(a, "all") ? "" : " running");
        return EXIT_SUCCESS;
}

const Verb verb_list = {
        .name = "list",
        .operands = "[PATTERN...]",
        .help = "List machines",
        .group = VERB_GROUP_LOOK,
        .operand_kind = OPERAND_ANY,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 0,
        .maximum = NO_LIMIT,
        .command_after = NO_COMMAND,
        .run = run,
};
