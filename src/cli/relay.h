/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Our terminal on one side, a terminal in a machine on the other: raw bytes both ways, window
 * sizes, the escape, and modes restored whatever ends it. */

#include "base/error.h"

#include <stdbool.h>

typedef enum RelayEnd {
        RELAY_ENDED,    /* the other side has */
        RELAY_DETACHED, /* the escape was typed */
        RELAY_SIGNALLED,
} RelayEnd;

typedef struct Relay {
        int peer_fd;       /* pty master, or the console socket */
        int end_fd;        /* readable when it is over: a pidfd; -EBADF: only the peer tells */
        bool packets;      /* @peer_fd speaks as machine/control.h says */
        bool patient;      /* nothing is typed before the peer has said something, for a while: a
                              terminal that is still being set up would lose it */
        int signal_number; /* out, for RELAY_SIGNALLED */
        bool was_silent;   /* out: nothing came from the peer */
} Relay;

/* Returns a RelayEnd. Standard input may be no terminal: then its end is sent as ^D. */
int relay_run(Relay *relay, Error *error);
