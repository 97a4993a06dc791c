/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead login: the machine's own login program on a new terminal. */

#include "cli/arguments.h"
#include "cli/names.h"
#include "cli/session.h"

#include <stdio.h>
#include <unistd.h>

#define LOGIN "/bin/login"

static int run(const Arguments *a, Error *error)
{
        char program[] = LOGIN, *const argv[] = { program, NULL };
        _cleanup_machine_ Machine *m = NULL;
        _cleanup_error_ Error none = ERROR_NULL;
        const char *name = a->words[0];
        EnterRequest request = { .argv = argv, .pty = true };
        int r;

        if (!isatty(STDIN_FILENO))
                return error_set(error, ENOTTY, "'login' needs a terminal as standard input");
        r = names_check(NAMES_RUNNING, name, error);
        if (r >= 0)
                r = machine_open(name, &m, error);
        if (r < 0)
                return r;
        fprintf(stderr, "Machine '%s'. Press ^] three times within a second to leave.\n", name);
        r = session_log_in(m, &(SessionLogin){ .getty = true }, &none);
        return r == -ENXIO ? session_run(m, &request) : r < 0 ? error_move(error, &none) : r;
}

const Verb verb_login = {
        .name = "login",
        .operands = "NAME",
        .help = "Log in to a running machine",
        .text = "On a new terminal: a getty where the machine runs systemd, else its /bin/login. "
                "`stead shell`\n"
                "needs no password.",
        .group = VERB_GROUP_INSIDE,
        .operand_kind = OPERAND_RUNNING,
        .minimum = 1,
        .maximum = 1,
        .command_after = NO_COMMAND,
        .run = run,
};
