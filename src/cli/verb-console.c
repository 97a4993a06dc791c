/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead console: the terminal that the machine booted on. */

#include "cli/arguments.h"
#include "cli/color.h"
#include "cli/console-text.h"
#include "cli/names.h"
#include "cli/relay.h"
#include "machine/console-log.h"
#include "machine/control.h"

#include <stdio.h>
#include <unistd.h>

/* Enough to see the prompt that waits. */
#define HISTORY_LINES 20

/* What was on the console before. */
static void show_history(const char *name)
{
        _cleanup_(console_log_done) ConsoleLog log = CONSOLE_LOG_NULL;
        _cleanup_free_ char *data = NULL, *text = NULL;
        uint64_t position = 0;
        size_t size = 0;

        if (console_log_open(name, &log) < 0 || console_log_read(&log, &position, &data, &size) < 0)
                return; /* a convenience */
        text = console_text_clean(data, size, color_wanted(stdout));
        if (text)
                fputs(console_text_tail(text, HISTORY_LINES), stdout);
        (void)fflush(stdout);
}

static int run(const Arguments *a, Error *error)
{
        const char *name = a->words[0];
        _cleanup_close_ int fd = -EBADF;
        Relay relay = { .end_fd = -EBADF, .packets = true };
        int r = names_check(NAMES_RUNNING, name, error);

        if (r >= 0)
                r = control_connect(name, &fd, error);
        if (r < 0)
                return r;
        fprintf(stderr, "Console of machine '%s'. Press ^] three times within a second to leave.\n",
                name);
        show_history(name);
        relay.peer_fd = fd;
        r = relay_run(&relay, error);
        if (r < 0)
                return r;
        fprintf(stderr, "\r\n%s\n",
                r == RELAY_ENDED ? "The console was closed." : "Left the console.");
        return r == RELAY_SIGNALLED ? 128 + relay.signal_number : EXIT_SUCCESS;
}

const Verb verb_console = {
        .name = "console",
        .operands = "NAME",
        .help = "Attach to the console of a running machine",
        .text = "Several may be attached at once. ^] three times within a second leaves; the "
                "machine goes on.",
        .group = VERB_GROUP_INSIDE,
        .operand_kind = OPERAND_RUNNING,
        .minimum = 1,
        .maximum = 1,
        .command_after = NO_COMMAND,
        .run = run,
};
