/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead status: one block a machine, for people. Exit status 3 if one does not run, as systemctl.
 */

#include "base/fd.h"
#include "base/parse.h"
#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/color.h"
#include "cli/console-text.h"
#include "cli/format.h"
#include "cli/names.h"
#include "cli/properties.h"
#include "cli/table.h"
#include "machine/console-log.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define EXIT_NOT_RUNNING 3

static const Flag flags[] = {
        { "lines", 'n', "N", "So many last lines of the console (default: 10)" },
        { "json", 0, NULL, "Print a JSON array" },
};

static void line(const char *head, const char *format, ...) _printf_(2, 3);
static void line(const char *head, const char *format, ...)
{
        va_list ap;

        printf("%12s: ", head);
        va_start(ap, format);
        vprintf(format, ap);
        va_end(ap);
        putchar('\n');
}

static void print_health(const Health *h)
{
        _cleanup_free_ char *failed = h->failed ? strv_join(h->failed, ", ") : NULL;
        Color color = h->state && strcmp(h->state, "running") == 0 ? COLOR_GOOD : COLOR_BAD;

        if (h->silent)
                line("Health", "%sno answer%s from the systemd inside", color_on(stdout, color),
                     color_off(stdout, color));
        else if (h->state)
                line("Health", "%s%s%s%s%s", color_on(stdout, color), h->state,
                     color_off(stdout, color), failed ? "; failed: " : "", failed ?: "");
}

static void print_head(const Overview *o)
{
        Color color = !o->machine                            ? COLOR_FAINT
                      : o->machine->state == MACHINE_RUNNING ? COLOR_GOOD
                                                             : COLOR_BUSY;
        char since[FORMAT_MAX], span[FORMAT_MAX];

        printf("%s●%s %s%s%s\n", color_on(stdout, color), color_off(stdout, color), o->name,
               o->os ? " - " : "", o->os ?: "");
        line("Definition", "%s", o->definition ?: "none");
        if (!o->machine) {
                line("State", "stopped");
                return;
        }
        printf("%12s: %s%s%s since %s; %s ago\n", "State", color_on(stdout, color),
               overview_state(o), color_off(stdout, color),
               format_time(o->machine->started_usec, since),
               format_span(usec_since(o->machine->started_usec), span));
        if (o->machine->ready_usec > o->machine->started_usec)
                line("Ready", "after %.3f s",
                     (double)(o->machine->ready_usec - o->machine->started_usec) / 1e6);
        print_health(&o->health);
        if (o->machine->status)
                line("Status", "\"%s\"", o->machine->status);
        if (o->machine->unit)
                line("Unit", "%s", o->machine->unit);
}

/* "(systemd)" beside a process number. */
static void print_process(const char *head, pid_t pid)
{
        _cleanup_free_ char *name = NULL;
        char path[64];

        (void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
        if (read_file_at(AT_FDCWD, path, 64, &name) > 0)
                name[strcspn(name, "\n")] = '\0';
        line(head, "%d (%s)", (int)pid, name ?: "?");
}

/* "498.2M of 512.0M, 12.0M of swap; 3 processes were killed for want of memory" */
static void print_memory(const Overview *o)
{
        const Usage *u = &o->usage;
        char size[FORMAT_MAX], limit[FORMAT_MAX], swap[FORMAT_MAX];
        bool killed = u->oom_kills != USAGE_UNKNOWN && u->oom_kills > 0;
        bool limited = u->memory_max != USAGE_NO_LIMIT;

        if (u->memory == USAGE_UNKNOWN)
                return;
        printf("%12s: %s%s%s", "Memory", format_size(u->memory, size), limited ? " of " : "",
               limited ? format_size(u->memory_max, limit) : "");
        if (u->swap != USAGE_UNKNOWN && u->swap > 0)
                printf(", %s of swap", format_size(u->swap, swap));
        if (u->memory_summed)
                printf(" (of its processes)");
        if (killed)
                printf("; %s%" PRIu64 " process%s killed for want of memory%s",
                       color_on(stdout, COLOR_BAD), u->oom_kills,
                       u->oom_kills == 1 ? " was" : "es were", color_off(stdout, COLOR_BAD));
        putchar('\n');
        if (killed && limited && u->oom_events != USAGE_UNKNOWN && u->oom_events > 0)
                printf("%14sTry: stead set %s MemoryMax=%s\n", "", o->name,
                       size_to_string(2 * u->memory_max, limit, sizeof(limit)));
}

static void print_pressure(const Usage *u)
{
        bool any = false;

        for (PressureKind k = 0; k < _PRESSURE_KIND_MAX; k++) {
                if (u->pressure[k].some < 0)
                        continue;
                if (!any)
                        printf("%12s: ", "Pressure");
                printf("%s%s %.1f%%", any ? ", " : "", pressure_kind_to_string(k),
                       u->pressure[k].some);
                any = true;
        }
        if (any)
                printf(" of the last 10 s\n");
}

static void print_usage(const Overview *o)
{
        const Usage *u = &o->usage;
        char read[FORMAT_MAX], written[FORMAT_MAX], percent[FORMAT_MAX];

        if (u->tasks != USAGE_UNKNOWN && u->tasks_max != USAGE_NO_LIMIT)
                line("Tasks", "%" PRIu64 " of %" PRIu64, u->tasks, u->tasks_max);
        else if (u->tasks != USAGE_UNKNOWN)
                line("Tasks", "%" PRIu64, u->tasks);
        print_memory(o);
        if (u->cpu_usec != USAGE_UNKNOWN && o->cpu_percent >= 0)
                line("CPU", "%s%% now, %.3f s in all", format_percent(o->cpu_percent, percent),
                     (double)u->cpu_usec / 1e6);
        if (u->io_read != USAGE_UNKNOWN)
                line("IO", "%s read, %s written", format_size(u->io_read, read),
                     format_size(u->io_written, written));
        print_pressure(u);
}

/* "private (veth ve-web)" */
static void print_network(const Overview *o)
{
        _cleanup_free_ char *addresses = strv_join(o->addresses, ", ");
        _cleanup_free_ char *ports = strv_join(o->ports, ", ");

        if (!o->machine->private_network)
                line("Network", "the host's");
        else if (o->links)
                line("Network", "private (%s, %s)", o->network, o->links[0]);
        else
                line("Network", "private");
        if (addresses && *addresses)
                line("Addresses", "%s", addresses);
        if (ports && *ports)
                line("Ports", "%s", ports);
}

static void print_machine(const Overview *o)
{
        const Machine *m = o->machine;

        line("Init", "%s", init_kind_to_string(m->init));
        print_process("Leader", m->leader);
        print_process("Launcher", m->launcher);
        if (m->uid_size > 0)
                line("Users", "%" PRIu32 " to %" PRIu32 " on the host", m->uid_base,
                     m->uid_base + m->uid_size - 1);
        else
                line("Users", "the host's (no user namespace)");
        print_network(o);
        print_usage(o);
        if (m->cgroup)
                line("CGroup", "%s", m->cgroup);
}

static void print_console(const char *name, uint32_t lines)
{
        _cleanup_(console_log_done) ConsoleLog log = CONSOLE_LOG_NULL;
        _cleanup_free_ char *data = NULL, *text = NULL;
        uint64_t position = 0;
        size_t size = 0;

        if (lines == 0 || console_log_open(name, &log) < 0 ||
            console_log_read(&log, &position, &data, &size) < 0 || size == 0)
                return; /* never started */
        text = console_text_clean(data, size, false);
        if (!text)
                return;
        text[strlen(text) - (text[strlen(text) - (*text != '\0')] == '\n')] = '\0';
        if (*text)
                printf("\n%s\n", console_text_tail(text, lines));
}

static void print_one(const Overview *o, uint32_t lines)
{
        print_head(o);
        line("Root", "%s", o->root ?: "none");
        if (o->machine)
                print_machine(o);
        print_console(o->name, lines);
}

static int run(const Arguments *a, Error *error)
{
        _cleanup_strv_ char **names = NULL;
        _cleanup_overviews_ Overviews list = OVERVIEWS_NULL;
        json_t *array = arguments_has(a, "json") ? json_array() : NULL;
        uint32_t lines = 10;
        int r, status = EXIT_SUCCESS;

        if (arguments_value(a, "lines") && parse_uint32(arguments_value(a, "lines"), &lines) < 0)
                return arguments_usage(a->verb, error, "'%s' is no number of lines",
                                       arguments_value(a, "lines"));
        r = a->words ? names_select(NAMES_ALL, a->words, &names, error)
                     : names_list(NAMES_RUNNING, &names, error);
        if (r >= 0)
                r = overviews_load(names, &list);
        if (r < 0) {
                json_decref(array);
                return error_errno(error, -r, "Failed to show machines");
        }
        overviews_measure(&list);
        for (size_t i = 0; i < list.n; i++)
                overview_load_health(&list.items[i]); /* after, since it takes processor time */
        for (size_t i = 0; i < list.n; i++) {
                const Overview *o = &list.items[i];

                if (!o->machine)
                        status = EXIT_NOT_RUNNING;
                if (array) {
                        (void)json_array_append_new(array, properties_to_json(o));
                        continue;
                }
                if (i > 0)
                        putchar('\n');
                print_one(o, lines);
        }
        r = array ? json_print_take(array) : 0;
        return r < 0 ? error_errno(error, -r, "Failed to show machines") : status;
}

const Verb verb_status = {
        .name = "status",
        .operands = "[NAME...]",
        .help = "Show how machines are",
        .text = "Without a name: all running machines. The exit status is 3 if one of them does "
                "not run.",
        .group = VERB_GROUP_LOOK,
        .operand_kind = OPERAND_ANY,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 0,
        .maximum = NO_LIMIT,
        .command_after = NO_COMMAND,
        .run = run,
};
