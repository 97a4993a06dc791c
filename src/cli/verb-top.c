/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead top: what machines use, again and again. On a terminal one screen with single keys, else
 * one table or one JSON object a sample. */

#include "base/buffer.h"
#include "base/fd.h"
#include "base/parse.h"
#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/format.h"
#include "cli/names.h"
#include "cli/screen.h"
#include "cli/top-sample.h"
#include "os/clock.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DELAY_MIN_USEC (USEC_PER_SEC / 10)
#define FIRST_USEC (USEC_PER_SEC / 4) /* until the first rates are shown */
#define NAME_WIDTH_MIN 12

static const Flag flags[] = {
        { "delay", 'd', "SPAN", "Time between two samples (default: 1s)" },
        { "iterations", 'n', "N", "End after N samples" },
        { "once", 0, NULL, "Print one table; the same as --batch --iterations=1" },
        { "sort", 's', "KEY", "name, cpu (default), memory, io, tasks or pressure" },
        { "batch", 'b', NULL, "Print one table after the other, even on a terminal" },
        { "json", 0, NULL, "Print one JSON object a sample, each on a line" },
};

typedef struct Top {
        char **names; /* NULL: all */
        uint64_t delay_usec;
        uint32_t left; /* samples still to be shown; 0: no end */
        TopKey key;
        TopSample sample;
} Top;

/* The columns after the name. Each writes at most FORMAT_MAX bytes. */
typedef struct TopColumn {
        const char *head;
        int width;
        TopKey key;
        void (*format)(const TopRow *row, char *text);
} TopColumn;

static void put_size(double n, char *text)
{
        if (n < 0)
                strcpy(text, "-");
        else
                (void)format_size((uint64_t)n, text);
}

static void format_cpu(const TopRow *row, char *text)
{
        if (row->cpu_percent < 0)
                strcpy(text, "-");
        else
                (void)format_percent(row->cpu_percent, text);
}

static void format_memory(const TopRow *row, char *text)
{
        char limit[FORMAT_MAX];
        const Usage *u = &row->usage;

        put_size(u->memory == USAGE_UNKNOWN ? -1 : (double)u->memory, text);
        if (u->memory_max != USAGE_NO_LIMIT)
                (void)snprintf(text + strlen(text), 16, "/%s", format_size(u->memory_max, limit));
}

static void format_tasks(const TopRow *row, char *text)
{
        const Usage *u = &row->usage;

        if (u->tasks == USAGE_UNKNOWN)
                strcpy(text, "-");
        else if (u->tasks_max == USAGE_NO_LIMIT)
                (void)snprintf(text, FORMAT_MAX, "%ju", (uintmax_t)u->tasks);
        else
                (void)snprintf(text, FORMAT_MAX, "%ju/%ju", (uintmax_t)u->tasks,
                               (uintmax_t)u->tasks_max);
}

static void format_read(const TopRow *row, char *text)
{
        put_size(row->read_rate, text);
}

static void format_written(const TopRow *row, char *text)
{
        put_size(row->write_rate, text);
}

/* Whole percents of "some" for processor, memory and I/O. */
static void format_pressure(const TopRow *row, char *text)
{
        *text = '\0';
        for (PressureKind k = 0; k < _PRESSURE_KIND_MAX; k++) {
                double n = row->usage.pressure[k].some;
                char one[8] = "-";

                if (n >= 0)
                        (void)snprintf(one, sizeof(one), "%.0f", MIN_OF(n, 100.0));
                (void)snprintf(text + strlen(text), 16, "%s%s", k > 0 ? "/" : "", one);
        }
}

static const TopColumn columns[] = {
        { "CPU%", 5, TOP_CPU, format_cpu },      { "MEMORY", 13, TOP_MEMORY, format_memory },
        { "READ/S", 7, TOP_IO, format_read },    { "WRITE/S", 7, TOP_IO, format_written },
        { "TASKS", 9, TOP_TASKS, format_tasks }, { "PRESSURE", 9, TOP_PRESSURE, format_pressure },
};

static int name_width(const TopSample *s)
{
        size_t width = NAME_WIDTH_MIN;

        for (size_t i = 0; i < s->n; i++)
                width = MAX_OF(width, strlen(s->rows[i].name));
        return (int)width;
}

static void append_head(Buffer *b, int width)
{
        buffer_printf(b, "%-*s", width, "NAME");
        for (size_t c = 0; c < ELEMENTSOF(columns); c++)
                buffer_printf(b, "  %*s", columns[c].width, columns[c].head);
}

static void append_row(Buffer *b, const TopRow *row, int width)
{
        char text[FORMAT_MAX];

        buffer_printf(b, "%-*s", width, row->name);
        for (size_t c = 0; c < ELEMENTSOF(columns); c++) {
                columns[c].format(row, text);
                buffer_printf(b, "  %*s", columns[c].width, text);
        }
}

static int resample(Top *top, Error *error)
{
        TopSample next;
        int r = top_sample_take(top->names, &top->sample, &next, error);

        if (r < 0)
                return r;
        top_sample_sort(&next, top->key);
        top_sample_done(&top->sample);
        top->sample = next;
        return 0;
}

static int print_json(const TopSample *s)
{
        json_t *object = top_sample_to_json(s);
        int r = json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15));

        json_decref(object);
        putchar('\n');
        return r < 0 ? -EIO : 0;
}

static int print_table(const TopSample *s)
{
        _cleanup_buffer_ Buffer b = BUFFER_NULL;
        int width = name_width(s);

        append_head(&b, width);
        buffer_puts(&b, "\n");
        for (size_t i = 0; i < s->n; i++) {
                append_row(&b, &s->rows[i], width);
                buffer_puts(&b, "\n");
        }
        if (buffer_error(&b) < 0)
                return -ENOMEM;
        fputs(b.data, stdout);
        return 0;
}

/* Rates need two readings: the first is not shown. */
static int run_batch(Top *top, bool json, Error *error)
{
        int r = resample(top, error);

        for (bool first = true; r >= 0; first = false) {
                (void)poll(NULL, 0, (int)(top->delay_usec / 1000));
                r = resample(top, error);
                if (r < 0)
                        return r;
                if (!first && !json)
                        putchar('\n');
                r = json ? print_json(&top->sample) : print_table(&top->sample);
                if (r < 0 || fflush(stdout) != 0)
                        return error_errno(error, r < 0 ? -r : errno, "Failed to print a sample");
                if (top->left > 0 && --top->left == 0)
                        return 0;
        }
        return r;
}

/* A line of the screen: cut where the screen ends, the rest of the old one wiped. */
static void append_line(Buffer *screen, const Screen *s, const char *style, const char *text)
{
        buffer_printf(screen, "%s%.*s%s\033[K\n", style, (int)s->columns, text,
                      *style ? "\033[0m" : "");
}

static void append_summary(Buffer *b, const TopSample *s)
{
        double cpu = 0, memory = 0, load = 0;
        char size[FORMAT_MAX], clock[16] = "";
        time_t now = time(NULL);
        struct tm tm;

        for (size_t i = 0; i < s->n; i++) {
                cpu += MAX_OF(s->rows[i].cpu_percent, 0.0);
                if (s->rows[i].usage.memory != USAGE_UNKNOWN)
                        memory += (double)s->rows[i].usage.memory;
        }
        (void)getloadavg(&load, 1);
        if (localtime_r(&now, &tm))
                (void)strftime(clock, sizeof(clock), "%T", &tm);
        put_size(memory, size);
        buffer_printf(b, "%s  %zu machine%s: CPU %.1f%%, memory %s; load of the host %.2f", clock,
                      s->n, s->n == 1 ? "" : "s", cpu, size, load);
}

static int draw(const Top *top, const Screen *s)
{
        _cleanup_buffer_ Buffer screen = BUFFER_NULL, line = BUFFER_NULL, head = BUFFER_NULL;
        int width = name_width(&top->sample);

        append_summary(&line, &top->sample);
        buffer_puts(&screen, "\033[H");
        append_line(&screen, s, "", line.data ?: "");
        append_line(&screen, s, "\033[90m",
                    "Sort: [c]pu [m]emory [i]o [t]asks [p]ressure [n]ame   [q]uit");
        append_head(&head, width);
        append_line(&screen, s, "\033[7m", head.data ?: "");
        for (size_t i = 0; i < top->sample.n && i + 4 < s->rows; i++) {
                _cleanup_buffer_ Buffer row = BUFFER_NULL;

                append_row(&row, &top->sample.rows[i], width);
                append_line(&screen, s, "", row.data ?: "");
        }
        buffer_puts(&screen, "\033[J");
        if (buffer_error(&screen) < 0)
                return -ENOMEM;
        return write_all(STDOUT_FILENO, screen.data, screen.size);
}

/* Returns true when the key ends us. */
static bool on_key(Top *top, int key)
{
        static const char keys[_TOP_KEY_MAX] = "ncmitp";
        const char *found = memchr(keys, key, sizeof(keys));

        if (key == 'q' || key == 'Q')
                return true;
        if (found) {
                top->key = (TopKey)(found - keys);
                top_sample_sort(&top->sample, top->key);
        }
        return false;
}

/* Returns 1 when it is over. */
static int on_event(Top *top, ScreenEvent event, int detail, uint64_t *next_usec, Error *error)
{
        int r;

        switch (event) {
        case SCREEN_TIMEOUT:
                if (top->left > 0 && --top->left == 0)
                        return 1;
                r = resample(top, error);
                *next_usec = clock_now_usec() + top->delay_usec;
                return r;
        case SCREEN_KEY:
                if (detail == ' ')
                        *next_usec = 0; /* now */
                return on_key(top, detail);
        case SCREEN_RESIZED:
                return 0;
        case SCREEN_LEFT:
        case SCREEN_SIGNALLED:
                break;
        }
        return 1;
}

static int run_screen(Top *top, int *ret_signal, Error *error)
{
        Screen s = SCREEN_NULL;
        uint64_t next_usec;
        int r = resample(top, error), detail;

        top->left += top->left > 0; /* the first one, without rates, does not count */
        if (r >= 0)
                r = screen_open(&s, error);
        next_usec = clock_now_usec() + MIN_OF(top->delay_usec, FIRST_USEC);
        while (r == 0) {
                int event;

                r = draw(top, &s);
                if (r < 0) {
                        error_errno(error, -r, "Failed to draw the screen");
                        break;
                }
                event = screen_wait(&s, next_usec, &detail);
                if (event == SCREEN_SIGNALLED)
                        *ret_signal = detail;
                r = event < 0 ? error_errno(error, -event, "Failed to wait for the terminal")
                              : on_event(top, (ScreenEvent)event, detail, &next_usec, error);
        }
        screen_close(&s);
        return r;
}

static int parse(const Arguments *a, Top *top, Error *error)
{
        const char *n = arguments_value(a, "iterations"), *key = arguments_value(a, "sort");
        const char *delay = arguments_value(a, "delay");

        top->delay_usec = USEC_PER_SEC;
        top->key = TOP_CPU;
        if (n && (parse_uint32(n, &top->left) < 0 || top->left == 0))
                return arguments_usage(a->verb, error, "'%s' is no number of samples", n);
        if (delay && (parse_time(delay, USEC_PER_SEC, &top->delay_usec) < 0 ||
                      top->delay_usec > 86400 * USEC_PER_SEC || top->delay_usec < DELAY_MIN_USEC))
                return arguments_usage(a->verb, error,
                                       "'%s' is no delay; a time span from 100ms to 1d is", delay);
        if (key)
                top->key = top_key_from_string(key);
        if (top->key < 0)
                return arguments_usage(a->verb, error,
                                       "Nothing is sorted by '%s'; name, cpu, memory, io, tasks "
                                       "and pressure are possible",
                                       key);
        if (arguments_has(a, "once"))
                top->left = 1;
        return a->words ? names_select(NAMES_RUNNING, a->words, &top->names, error) : 0;
}

static int run(const Arguments *a, Error *error)
{
        Top top = { .sample = TOP_SAMPLE_NULL };
        bool json = arguments_has(a, "json");
        int signal_number = 0, r = parse(a, &top, error);

        if (r >= 0) {
                if (json || arguments_has(a, "batch") || arguments_has(a, "once") ||
                    !screen_possible())
                        r = run_batch(&top, json, error);
                else
                        r = run_screen(&top, &signal_number, error);
        }
        top_sample_done(&top.sample);
        strv_free(top.names);
        return r < 0 ? r : signal_number > 0 ? 128 + signal_number : EXIT_SUCCESS;
}

const Verb verb_top = {
        .name = "top",
        .operands = "[NAME...]",
        .help = "Show what machines use, again and again",
        .text = "Without a name: all running machines. CPU% is of one processor. PRESSURE is the "
                "percentage of\nthe last ten seconds in which tasks waited for processor, memory "
                "and I/O. Where output or input\nis no terminal, tables are printed one after the "
                "other.",
        .group = VERB_GROUP_LOOK,
        .operand_kind = OPERAND_RUNNING,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 0,
        .maximum = NO_LIMIT,
        .command_after = NO_COMMAND,
        .run = run,
};
