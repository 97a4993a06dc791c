/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A login session of a machine's own, through PAM, as a unit of the machine's systemd, on a
 * terminal of the machine: what the machine itself knows as a login session. A library of its own,
 * since it needs the bus. */

#include "image/errand.h"
#include "machine/machine.h"

typedef struct SessionLogin {
        bool getty;           /* the machine's own login program; else a shell */
        const char *user;     /* of the shell; NULL: root */
        char *const *command; /* for the shell; empty: none */
        char *const *environment;
} SessionLogin;

typedef struct MachineSession {
        int pty_fd;    /* master; its last copy that is closed ends the session */
        Errand errand; /* its pidfd tells of the end */
} MachineSession;

#define MACHINE_SESSION_NULL ((MachineSession){ .pty_fd = -EBADF, .errand = ERRAND_NULL })
void machine_session_done(MachineSession *s);

/* The terminal gets the size of our standard output. -ENXIO with @error set: the machine has no
 * sessions; nothing was run. */
int machine_session_begin(const Machine *m, const SessionLogin *login, MachineSession *ret,
                          Error *error);
/* The exit status as shells have it; -EIO when it cannot be known. */
int machine_session_wait(MachineSession *s, Error *error);
/* For a status that came without anything on the terminal: @error and a negative errno if the
 * program never ran; -ESRCH: the machine has no such user. 0: it is the program's. */
int machine_session_explain(const Machine *m, const SessionLogin *login, int status, Error *error);
