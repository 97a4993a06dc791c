/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead console: the terminal that the machine booted on. */

#include "base/fd.h"
#include "cli/arguments.h"
#include "cli/names.h"
#include "cli/relay.h"
#include "machine/console-log.h"
#include "machine/control.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* About one screen: enough to see the prompt that waits. */
#define HISTORY 2048

/* What was on the console before, from the start of a line on. */
static void show_history(const char *name)
{
        _cleanup_(console_log_done) ConsoleLog log = CONSOLE_LOG_NULL;
        _cleanup_free_ char *data = NULL;
        uint64_t position = 0;
        size_t size = 0, from;
        const char *line;

        if (console_log_open(name, &log) < 0 || console_log_read(&log, &position, &data, &size) < 0)
                return; /* a convenience */
        from = size > HISTORY ? size - HISTORY : 0;
        line = from > 0 ? memchr(data + from, '\n', size - from) : NULL;
        if (line)
                from = (size_t)(line + 1 - data);
        (void)write_all(STDOUT_FILENO, data + from, size - from);
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
