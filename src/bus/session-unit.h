/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A login session as a transient unit of a machine's own systemd, on a terminal of the machine:
 * what machined makes for its clients, but over a connection to systemd itself, so that no bus
 * daemon is needed inside, and with the exit status. */

#include "bus/connection.h"

typedef struct SessionUnit {
        const char *name, *description;
        const char *user; /* runs in the user's home directory, through PAM as @pam; NULL: root's
                             program that logs in itself */
        const char *pam;
        const char *tty; /* "pts/3" */
        int tty_fd;
        const char *path;
        char *const *argv, *const *environment;
} SessionUnit;

typedef struct SessionWatch SessionWatch;

#define _cleanup_session_watch_ _cleanup_(session_watch_freep)
/* Takes @bus_fd, a connected socket; @is_bus: of a message bus. -ENXIO if it does not answer within
 * BUS_PATIENCE_USEC. */
int session_watch_new(int bus_fd_take, bool is_bus, const char *unit, SessionWatch **ret,
                      Error *error);
SessionWatch *session_watch_free(SessionWatch *w);
DEFINE_CLEANUP(SessionWatch, session_watch_free)

/* -ENXIO if systemd does not answer in time, or will not start it now. */
int session_unit_start(SessionWatch *w, const SessionUnit *unit, Error *error);
/* Waits for the end of its program. Returns the status as shells have it; -ENOTCONN when the
 * connection was lost before, as it is when systemd executes itself anew. */
int session_unit_wait(SessionWatch *w, Error *error);
/* For a new connection: 1 if the program still runs, 0 if it has ended meanwhile. */
int session_unit_is_running(SessionWatch *w);
/* For a status that came without anything on the terminal: @error and a negative errno if it is one
 * of systemd's own, for what it could not do before the program; else 0. With Type=exec one would
 * be told of that, but up to systemd 252 not together with PAM, whose process keeps the pipe open.
 */
int session_unit_explain(int status, const char *user, Error *error);
