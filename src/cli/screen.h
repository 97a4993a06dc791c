/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The terminal as one screen that is drawn over and over: alternate buffer, single keys, its size.
 * Whatever ends us but SIGKILL, the terminal is as before afterwards. */

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <termios.h>

typedef struct Screen {
        bool shown;
        int signal_fd;
        sigset_t signals_before;
        struct termios saved;
        unsigned rows, columns;
} Screen;

typedef enum ScreenEvent {
        SCREEN_TIMEOUT,
        SCREEN_KEY,
        SCREEN_RESIZED, /* or continued after ^Z: draw anew */
        SCREEN_LEFT,    /* ^C, or standard input is at its end */
        SCREEN_SIGNALLED,
} ScreenEvent;

#define SCREEN_NULL ((Screen){ .signal_fd = -EBADF })

/* Standard input and output are a terminal that understands ECMA-48. */
bool screen_possible(void);
int screen_open(Screen *s, Error *error);
void screen_close(Screen *s);

/* Waits until a moment of CLOCK_MONOTONIC. Returns a ScreenEvent; @ret is the key of _KEY, or the
 * signal of _SIGNALLED. */
int screen_wait(Screen *s, uint64_t until_usec, int *ret);
