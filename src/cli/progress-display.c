/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A look at the clock for each step, and a line ten times a second at most. */

#include "cli/progress-display.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/parse.h"
#include "cli/format.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define TERMINAL_USEC (USEC_PER_SEC / 10)
#define EVENT_USEC (USEC_PER_SEC / 4)
/* Shorter stages are not worth a line of a log. */
#define LINE_USEC (USEC_PER_SEC / 2)
#define LINE_MAX_SIZE ((size_t)256)

static uint64_t now_usec(void)
{
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail */
        return (uint64_t)t.tv_sec * USEC_PER_SEC + (uint64_t)t.tv_nsec / 1000;
}

static void append(char *line, size_t size, const char *format, ...) _printf_(3, 4);
static void append(char *line, size_t size, const char *format, ...)
{
        size_t used = strlen(line);
        va_list ap;

        va_start(ap, format);
        (void)vsnprintf(line + used, size - used, format, ap); /* what does not fit is left out */
        va_end(ap);
}

void progress_display_line(const Progress *p, uint64_t usec, char *line, size_t size)
{
        char done[FORMAT_MAX], total[FORMAT_MAX], rate[FORMAT_MAX];
        uint64_t all = p->total_bytes ?: p->total_objects;
        uint64_t now = p->total_bytes ? p->done_bytes : p->done_objects;

        (void)snprintf(line, size, "%s", p->stage ?: "Working");
        if (p->total_bytes > 0)
                append(line, size, "  %s of %s", format_size(p->done_bytes, done),
                       format_size(p->total_bytes, total));
        else if (p->done_bytes > 0)
                append(line, size, "  %s", format_size(p->done_bytes, done));
        if (all > 0)
                append(line, size, "  %" PRIu64 "%%", MIN_OF(now, all) * 100 / all);
        if (p->done_bytes > 0 && usec >= USEC_PER_SEC / 10)
                append(line, size, "  %s/s",
                       format_size((uint64_t)((double)p->done_bytes * 1e6 / (double)usec), rate));
        if (p->total_objects > 0)
                append(line, size, "  %" PRIu64 " of %" PRIu64 " objects", p->done_objects,
                       p->total_objects);
        else if (p->done_objects > 0)
                append(line, size, "  %" PRIu64 " objects", p->done_objects);
        if (p->requests > 0)
                append(line, size, "  %" PRIu64 " request%s", p->requests,
                       p->requests == 1 ? "" : "s");
}

static size_t terminal_columns(void)
{
        struct winsize w = {};

        return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) >= 0 && w.ws_col > 1 ? w.ws_col : 80;
}

static void draw(ProgressDisplay *d, uint64_t now)
{
        char line[LINE_MAX_SIZE];

        progress_display_line(&d->progress, now - d->stage_usec, line,
                              MIN_OF(sizeof(line), terminal_columns()));
        fprintf(stderr, "\r%s\033[K", line);
        d->drawn = true;
}

static void print_event(const ProgressDisplay *d, uint64_t now, bool ended)
{
        const Progress *p = &d->progress;
        _cleanup_buffer_ Buffer out = BUFFER_NULL;

        buffer_puts(&out, "{\"event\":");
        json_write_string(&out, ended ? "stage" : "progress");
        buffer_puts(&out, ",\"stage\":");
        json_write_string(&out, d->stage);
        buffer_printf(&out,
                      ",\"bytes\":%" PRIu64 ",\"total_bytes\":%" PRIu64 ",\"objects\":%" PRIu64
                      ",\"total_objects\":%" PRIu64 ",\"requests\":%" PRIu64 ",\"usec\":%" PRIu64
                      "}\n",
                      p->done_bytes, p->total_bytes, p->done_objects, p->total_objects, p->requests,
                      now - d->stage_usec);
        if (buffer_error(&out) >= 0)
                fputs(out.data, stderr); /* one write a line: standard error has no buffer */
}

static void end_stage(ProgressDisplay *d, uint64_t now)
{
        char line[LINE_MAX_SIZE];

        if (!d->stage)
                return;
        if (d->style == PROGRESS_EVENTS) {
                print_event(d, now, true);
        } else if (d->style == PROGRESS_LINES && now - d->stage_usec >= LINE_USEC) {
                progress_display_line(&d->progress, now - d->stage_usec, line, sizeof(line));
                fprintf(stderr, "%s\n", line);
        }
        d->stage = NULL;
}

static int on_progress(Progress *p)
{
        ProgressDisplay *d = p->userdata;
        uint64_t now = now_usec(),
                 wait = d->style == PROGRESS_TERMINAL ? TERMINAL_USEC : EVENT_USEC;

        if (d->stage != p->stage) { /* a worker's stages are different literals */
                d->stage = p->stage;
                d->stage_usec = d->shown_usec = now;
        }
        if (now - d->shown_usec < wait || d->style == PROGRESS_LINES)
                return 0;
        d->shown_usec = now;
        if (d->style == PROGRESS_TERMINAL)
                draw(d, now);
        else
                print_event(d, now, false);
        return 0;
}

static void on_stage(Progress *p)
{
        ProgressDisplay *d = p->userdata;

        end_stage(d, now_usec());
}

void progress_display_init(ProgressDisplay *d, bool json, bool quiet)
{
        *d = (ProgressDisplay){ .style = PROGRESS_LINES };
        if (json)
                d->style = PROGRESS_EVENTS;
        else if (quiet)
                d->style = PROGRESS_SILENT;
        else if (isatty(STDERR_FILENO))
                d->style = PROGRESS_TERMINAL;
        d->progress.userdata = d;
        if (d->style == PROGRESS_SILENT)
                return;
        d->progress.on_progress = on_progress;
        d->progress.on_stage = on_stage;
}

void progress_display_clear(ProgressDisplay *d)
{
        if (d->drawn)
                fputs("\r\033[K", stderr);
        d->drawn = false;
}

void progress_display_end(ProgressDisplay *d)
{
        end_stage(d, now_usec());
        progress_display_clear(d);
}
