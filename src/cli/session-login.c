/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A session of a machine's own on our terminal. */

#include "cli/relay.h"
#include "cli/session.h"

#include <stdio.h>

int session_log_in(const Machine *machine, const SessionLogin *login, Error *error)
{
        _cleanup_(machine_session_done) MachineSession session = MACHINE_SESSION_NULL;
        Relay relay = { .patient = true };
        int r = machine_session_begin(machine, login, &session, error);

        if (r < 0)
                return r;
        relay.peer_fd = session.pty_fd;
        relay.end_fd = session.errand.pid_fd;
        r = relay_run(&relay, error);
        /* in any other case the terminal goes away, and whoever is on it hears of that */
        if (r == RELAY_SIGNALLED)
                return 128 + relay.signal_number;
        if (r == RELAY_DETACHED)
                fprintf(stderr, "\nLeft machine '%s'.\n", machine->name);
        if (r != RELAY_ENDED)
                return r < 0 ? -EIO : EXIT_SUCCESS;
        r = machine_session_wait(&session, error);
        if (r < 0)
                return -EIO;
        if (relay.was_silent && machine_session_explain(machine, login, r, error) < 0)
                return -EPROTO;
        return r;
}
