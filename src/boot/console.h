/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The supervisor's end of the machine's console: between the pty's master and our own terminal, the
 * console log and the clients of `stead console`. Nothing here blocks: a terminal that does not
 * take output delays the console, never the supervisor. */

#include "config/settings.h"
#include "machine/console-log.h"

#include <termios.h>

#define CONSOLE_CLIENTS_MAX 16
#define CONSOLE_BUFFER 4096U

typedef struct Console {
        ConsoleMode mode;
        int epoll_fd; /* borrowed */
        int master_fd;
        int input_fd, output_fd; /* our terminal, or -EBADF */
        int listen_fd;
        int clients[CONSOLE_CLIENTS_MAX];
        ConsoleLog *log; /* borrowed */

        char input[CONSOLE_BUFFER]; /* to the machine */
        size_t input_size;
        char output[CONSOLE_BUFFER]; /* to our terminal */
        size_t output_size;

        bool raw; /* our terminal is in raw mode, `saved` restores it */
        struct termios saved;
        bool hung_up;         /* nobody has the slave open: look again in a while */
        unsigned escapes;     /* ^] in a row */
        uint64_t escape_usec; /* time of the first */
} Console;

/* What the event loop has to know of a descriptor. */
typedef enum ConsoleSource {
        CONSOLE_SOURCE_MASTER = 100,
        CONSOLE_SOURCE_INPUT,
        CONSOLE_SOURCE_OUTPUT,
        CONSOLE_SOURCE_LISTEN,
        CONSOLE_SOURCE_CLIENT, /* + index */
} ConsoleSource;

/* Sets the terminal up. @directory_fd: where the socket for clients is made, < 0: none. */
int console_init(Console *c, ConsoleMode mode, int epoll_fd, int directory_fd, ConsoleLog *log,
                 Error *error);
/* Takes the master of a new start; the old one is the caller's to close. */
void console_set_master(Console *c, int master_fd);
/* Puts the terminal back and lets go. */
void console_done(Console *c);
/* Handles one event. Returns 1 when the escape was typed. */
int console_on_event(Console *c, unsigned source);
/* Looks again at a master that was hung up. */
void console_retry(Console *c);
/* Reads what is left after the machine's end. */
void console_drain(Console *c);
void console_on_resize(Console *c);
/* A line of our own on the terminal, in raw mode too. */
void console_say(Console *c, const char *text);
