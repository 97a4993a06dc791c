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
#include <string.h>

static const Flag flags[] = {
        { "all", 'a', NULL, "Also trees and definitions that are not running" },
        { "wide", 'w', NULL, "More columns, and nothing shortened" },
        { "quiet", 'q', NULL, "Names only" },
        { "json", 0, NULL, "Print a JSON array" },
};

/* The narrow ones fit 80 columns for names of up to twelve characters. */
static const struct ListColumn {
        const char *key, *head; /* NULL: only in JSON */
        bool right, narrow;
} list_columns[] = {
        { "name", "NAME", false, true },           { "state", "STATE", false, true },
        { "init", "INIT", false, false },          { "os", "OS", false, true },
        { "addresses", "ADDRESSES", false, true }, { "network", NULL, false, false },
        { "ports", "PORTS", false, false },        { "unit", "UNIT", false, false },
        { "leader", "LEADER", true, false },       { "tasks", "TASKS", true, false },
        { "memory", "MEMORY", true, true },        { "cpu_percent", "CPU%", true, true },
        { "started_usec", "SINCE", false, true },  { "memory_max", NULL, false, false },
        { "tasks_max", NULL, false, false },       { "cpu_usec", NULL, false, false },
        { "oom_kills", NULL, false, false },       { "os_id", NULL, false, false },
        { "os_version", NULL, false, false },      { "ready_usec", NULL, false, false },
        { "launcher", NULL, false, false },        { "root", NULL, false, false },
        { "definition", NULL, false, false },
};

static void choose_columns(bool wide, Column columns[static ELEMENTSOF(list_columns)])
{
        for (size_t i = 0; i < ELEMENTSOF(list_columns); i++) {
                const struct ListColumn *c = &list_columns[i];

                columns[i] = (Column){ wide || c->narrow ? c->head : NULL, c->key, c->right };
        }
}

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

static void add_number(Table *t, uint64_t value)
{
        char text[32];

        (void)snprintf(text, sizeof(text), "%ju", (uintmax_t)value);
        add_integer(t, text, value, value != USAGE_UNKNOWN);
}

/* "debian 12" says what "Debian GNU/Linux 12 (bookworm)" does. */
static void add_os(Table *t, const Overview *o, bool wide)
{
        _cleanup_free_ char *brief = NULL;

        if (!wide && o->os_id &&
            asprintf(&brief, "%s%s%s", o->os_id, o->os_version ? " " : "", o->os_version ?: "") < 0)
                brief = NULL;
        table_add(t, brief ?: o->os, o->os ? json_string(o->os) : NULL);
}

/* One is enough to reach the machine: the first of IPv4, which is also the shorter. */
static void add_addresses(Table *t, const Overview *o, bool wide)
{
        _cleanup_free_ char *text = NULL;
        const char *first = o->addresses ? o->addresses[0] : NULL;
        json_t *array = json_array();
        size_t n = 0;

        for (char **a = o->addresses; a && *a; a++, n++) {
                (void)json_array_append_new(array, json_string(*a));
                if (strchr(first, ':') && !strchr(*a, ':'))
                        first = *a;
        }
        if (wide)
                text = n > 0 ? strv_join(o->addresses, " ") : NULL;
        else if (first && asprintf(&text, n > 1 ? "%s..." : "%s", first) < 0)
                text = NULL;
        table_add(t, text, array);
}

static void add_ports(Table *t, const Overview *o)
{
        _cleanup_free_ char *text = o->ports ? strv_join(o->ports, " ") : NULL;
        json_t *array = json_array();

        STRV_FOREACH (p, o->ports)
                (void)json_array_append_new(array, json_string(*p));
        table_add(t, text, array);
}

static void add_memory(Table *t, const Usage *u, bool wide)
{
        char size[FORMAT_MAX], limit[FORMAT_MAX], text[2 * FORMAT_MAX];

        (void)format_size(u->memory, size);
        if (wide && u->memory_max != USAGE_NO_LIMIT)
                (void)snprintf(text, sizeof(text), "%s/%s", size,
                               format_size(u->memory_max, limit));
        else
                (void)snprintf(text, sizeof(text), "%s", size);
        add_integer(t, text, u->memory, u->memory != USAGE_UNKNOWN);
}

static void add_row(Table *t, const Overview *o, bool wide)
{
        const Machine *m = o->machine;
        const Usage *u = &o->usage;
        char span[FORMAT_MAX], percent[FORMAT_MAX];

        table_add(t, o->name, NULL);
        table_add_color(t, overview_state(o), state_color(o));
        table_add(t, m ? init_kind_to_string(m->init) : NULL, NULL);
        add_os(t, o, wide);
        add_addresses(t, o, wide);
        table_add(t, o->network, NULL);
        add_ports(t, o);
        table_add(t, m ? m->unit : NULL, NULL);
        add_number(t, m ? (uint64_t)m->leader : USAGE_UNKNOWN);
        add_number(t, u->tasks);
        add_memory(t, u, wide);
        table_add(t, o->cpu_percent < 0 ? NULL : format_percent(o->cpu_percent, percent),
                  o->cpu_percent < 0 ? NULL : json_real(round_percent(o->cpu_percent)));
        add_integer(t, m ? format_span(usec_since(m->started_usec), span) : NULL,
                    m ? m->started_usec : 0, m);
        add_number(t, u->memory_max);
        add_number(t, u->tasks_max);
        add_number(t, u->cpu_usec);
        add_number(t, u->oom_kills);
        table_add(t, o->os_id, NULL);
        table_add(t, o->os_version, NULL);
        add_integer(t, "", m ? m->ready_usec : 0, m && m->ready_usec > 0);
        add_number(t, m ? (uint64_t)m->launcher : USAGE_UNKNOWN);
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

/* Those of @names that a word or pattern means. */
static int choose(const Arguments *a, char *const *names, char ***ret)
{
        _cleanup_strv_ char **chosen = NULL;

        for (char *const *n = names; n && *n; n++)
                if (wanted(a, *n) && strv_push(&chosen, *n) < 0)
                        return -ENOMEM;
        *ret = TAKE_PTR(chosen);
        return 0;
}

static int print(const Arguments *a, char *const *names, bool json)
{
        Column columns[ELEMENTSOF(list_columns)];
        _cleanup_table_ Table *t = NULL;
        _cleanup_overviews_ Overviews list = OVERVIEWS_NULL;
        bool wide = arguments_has(a, "wide");
        int r = overviews_load(names, &list);

        if (r < 0)
                return r;
        overviews_measure(&list);
        choose_columns(wide, columns);
        t = table_new(columns, ELEMENTSOF(columns));
        for (size_t i = 0; i < list.n; i++)
                add_row(t, &list.items[i], wide);
        r = table_print(t, json);
        if (r >= 0 && !json)
                printf("\n%zu machine%s%s.\n", list.n, list.n == 1 ? "" : "s",
                       arguments_has(a, "all") ? "" : " running");
        return r;
}

static int run(const Arguments *a, Error *error)
{
        _cleanup_strv_ char **all = NULL, **names = NULL;
        bool json = arguments_has(a, "json");
        int r = names_list(arguments_has(a, "all") ? NAMES_ALL : NAMES_RUNNING, &all, error);

        if (r < 0)
                return r;
        r = choose(a, all, &names);
        if (r >= 0 && arguments_has(a, "quiet") && !json)
                STRV_FOREACH (n, names)
                        puts(*n);
        else if (r >= 0)
                r = print(a, names, json);
        return r < 0 ? error_set(error, ENOMEM, "Out of memory") : EXIT_SUCCESS;
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
