/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a session of a machine's own needs from inside: a terminal of its devpts, and a connection
 * to its service manager, made with the rights of the machine's root. Knows nothing of what is said
 * over the connection. */

#include "machine/machine.h"

typedef struct SessionDoor {
        int bus_fd;     /* connected, nothing said yet */
        bool is_bus;    /* to the message bus: to systemd itself is what is tried first */
        int pty_fd;     /* master, non-blocking; -EBADF: no terminal was wanted */
        int tty_fd;     /* slave */
        int tty_number; /* of pts/N */
} SessionDoor;

#define SESSION_DOOR_NULL ((SessionDoor){ .bus_fd = -EBADF, .pty_fd = -EBADF, .tty_fd = -EBADF })

void session_door_done(SessionDoor *door);

/* @terminal: make one as well, which belongs to @owner (a number of the machine). -ENXIO: the
 * machine does not run systemd, or it does not answer. */
int session_door_open(const Machine *m, bool terminal, uid_t owner, SessionDoor *ret, Error *error);
