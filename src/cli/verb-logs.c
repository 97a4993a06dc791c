/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead logs: what a machine has written to its console, also after its end. */

#include "base/fd.h"
#include "base/parse.h"
#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/color.h"
#include "cli/console-text.h"
#include "cli/names.h"
#include "cli/table.h"
#include "machine/console-log.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const Flag flags[] = {
        { "follow", 'f', NULL, "Go on with what comes" },
        { "lines", 'n', "N", "Only the last N lines" },
        { "raw", 0, NULL, "Print the bytes as they are, with all control characters" },
        { "json", 0, NULL, "Print an array of lines" },
};

static int print_json(const char *text)
{
        _cleanup_strv_ char **lines = NULL;
        json_t *array = json_array();

        if (strv_split(text, "\n", &lines) < 0)
                return -ENOMEM;
        STRV_FOREACH (l, lines)
                (void)json_array_append_new(array, json_string(*l) ?: json_string("(not UTF-8)"));
        return json_print_take(array);
}

static int print_first(const Arguments *a, const char *data, size_t size)
{
        const char *lines = arguments_value(a, "lines");
        _cleanup_free_ char *text = NULL;
        uint32_t n;

        if (arguments_has(a, "raw"))
                return write_all(STDOUT_FILENO, data, size);
        text = console_text_clean(data, size, color_wanted(stdout));
        if (!text)
                return -ENOMEM;
        if (arguments_has(a, "json"))
                return print_json(text);
        fputs(lines && parse_uint32(lines, &n) >= 0 ? console_text_tail(text, n) : text, stdout);
        return fflush(stdout) < 0 ? -errno : 0;
}

/* The machine was started again: its new log has another file. */
static void reopen(const char *name, ConsoleLog *log, uint64_t *position)
{
        ConsoleLog next = CONSOLE_LOG_NULL;
        struct stat st;

        if (fstat(log->fd, &st) < 0 || st.st_nlink > 0 || console_log_open(name, &next) < 0)
                return;
        console_log_done(log);
        *log = next;
        *position = 0;
}

/* A sequence cut in two by the end of a read is lost to the cleaning, which is only ever cosmetic.
 */
static int follow(const char *name, ConsoleLog *log, uint64_t position, bool raw)
{
        for (;;) {
                _cleanup_free_ char *data = NULL, *text = NULL;
                size_t size = 0;
                int r = console_log_read(log, &position, &data, &size);

                if (r < 0)
                        return r;
                if (size == 0) {
                        (void)poll(NULL, 0, 200); /* a ring file: nothing to wait on */
                        reopen(name, log, &position);
                        continue;
                }
                text = raw ? NULL : console_text_clean(data, size, color_wanted(stdout));
                r = write_all(STDOUT_FILENO, text ?: data, text ? strlen(text) : size);
                if (r < 0)
                        return r;
        }
}

static int run(const Arguments *a, Error *error)
{
        _cleanup_(console_log_done) ConsoleLog log = CONSOLE_LOG_NULL;
        const char *name = a->words[0], *lines = arguments_value(a, "lines");
        _cleanup_free_ char *data = NULL;
        uint64_t position = 0;
        size_t size = 0;
        uint32_t n;
        int r;

        if (lines && parse_uint32(lines, &n) < 0)
                return arguments_usage(a->verb, error, "'%s' is no number of lines", lines);
        r = console_log_open(name, &log);
        if (r == -ENOENT) {
                r = names_check(NAMES_ALL, name, error);
                if (r < 0)
                        return r;
                error_hint(error, "stead start %s", name);
                return error_set(error, ENOENT, "Machine '%s' has not run since the host booted",
                                 name);
        }
        if (r >= 0)
                r = console_log_read(&log, &position, &data, &size);
        if (r >= 0)
                r = print_first(a, data, size);
        if (r >= 0 && arguments_has(a, "follow"))
                r = follow(name, &log, position, arguments_has(a, "raw"));
        return r < 0 ? error_errno(error, -r, "Failed to print the console of '%s'", name)
                     : EXIT_SUCCESS;
}

const Verb verb_logs = {
        .name = "logs",
        .operands = "NAME",
        .help = "Show what a machine has written to its console",
        .text = "The last 64 KiB are kept until the machine's next start or the host's reboot.",
        .group = VERB_GROUP_LOOK,
        .operand_kind = OPERAND_ANY,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 1,
        .maximum = 1,
        .command_after = NO_COMMAND,
        .run = run,
};
