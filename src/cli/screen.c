/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Control sequences of ECMA-48 and xterm, which every terminal in use knows; no terminfo. */

#include "cli/screen.h"

#include "os/clock.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define ENTER "\033[?1049h\033[?25l" /* alternate buffer, no cursor */
#define LEAVE "\033[?25h\033[?1049l"

bool screen_possible(void)
{
        const char *term = getenv("TERM");

        return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && term && *term &&
               strcmp(term, "dumb") != 0;
}

static void put(const char *sequence)
{
        /* a terminal that is gone ends us by SIGHUP */
        (void)!write(STDOUT_FILENO, sequence, strlen(sequence));
}

static void read_size(Screen *s)
{
        struct winsize size;

        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row == 0 || size.ws_col == 0)
                size = (struct winsize){ .ws_row = 24, .ws_col = 80 };
        s->rows = size.ws_row;
        s->columns = size.ws_col;
}

static int show(Screen *s)
{
        struct termios raw = s->saved;

        /* signals of the keyboard stay: ^C and ^Z do what they do everywhere */
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        raw.c_cc[VMIN] = 1;
        raw.c_cc[VTIME] = 0;
        if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) < 0)
                return -errno;
        s->shown = true;
        put(ENTER);
        read_size(s);
        return 0;
}

static void hide(Screen *s)
{
        if (!s->shown)
                return;
        s->shown = false;
        put(LEAVE);
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &s->saved); /* the terminal may be gone */
}

int screen_open(Screen *s, Error *error)
{
        static const int numbers[] = { SIGWINCH, SIGTERM, SIGHUP,  SIGINT,
                                       SIGQUIT,  SIGTSTP, SIGPIPE, SIGCONT };
        sigset_t signals;
        int r;

        (void)sigemptyset(&signals);
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
                (void)sigaddset(&signals, numbers[i]);
        if (tcgetattr(STDIN_FILENO, &s->saved) < 0)
                return error_errno(error, errno, "Failed to read the terminal's modes");
        s->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
        if (s->signal_fd < 0)
                return error_errno(error, errno, "Failed to wait for signals");
        (void)sigprocmask(SIG_BLOCK, &signals, &s->signals_before);
        r = show(s);
        if (r < 0) {
                screen_close(s);
                return error_errno(error, -r, "Failed to set the terminal's modes");
        }
        return 0;
}

void screen_close(Screen *s)
{
        hide(s);
        if (s->signal_fd >= 0)
                (void)sigprocmask(SIG_SETMASK, &s->signals_before, NULL);
        closep(&s->signal_fd);
        *s = SCREEN_NULL;
}

/* Returns a ScreenEvent, or -EAGAIN if there is nothing to tell. */
static int on_signal(Screen *s, int *ret)
{
        struct signalfd_siginfo info;

        if (read(s->signal_fd, &info, sizeof(info)) != sizeof(info))
                return -EAGAIN;
        switch (info.ssi_signo) {
        case SIGWINCH:
                read_size(s);
                return SCREEN_RESIZED;
        case SIGTSTP:
                hide(s);
                (void)raise(SIGSTOP);
                return show(s) < 0 ? SCREEN_LEFT : SCREEN_RESIZED;
        case SIGCONT:
                return SCREEN_RESIZED;
        case SIGINT:
                return SCREEN_LEFT;
        default:
                *ret = (int)info.ssi_signo;
                return SCREEN_SIGNALLED;
        }
}

/* A key that sends a sequence (arrows, function keys) counts as its first byte, once. */
static int on_input(int *ret)
{
        char data[64];
        ssize_t n = read(STDIN_FILENO, data, sizeof(data));

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return -EAGAIN;
        if (n <= 0)
                return SCREEN_LEFT;
        *ret = (unsigned char)data[0];
        return SCREEN_KEY;
}

int screen_wait(Screen *s, uint64_t until_usec, int *ret)
{
        for (;;) {
                struct pollfd fds[] = {
                        { .fd = s->signal_fd, .events = POLLIN },
                        { .fd = STDIN_FILENO, .events = POLLIN },
                };
                uint64_t now = clock_now_usec();
                int r = -EAGAIN;

                if (now >= until_usec)
                        return SCREEN_TIMEOUT;
                if (poll(fds, ELEMENTSOF(fds),
                         (int)MIN_OF((until_usec - now) / 1000 + 1, (uint64_t)INT32_MAX)) < 0) {
                        if (errno != EINTR)
                                return -errno;
                        continue;
                }
                if (fds[0].revents)
                        r = on_signal(s, ret);
                else if (fds[1].revents)
                        r = on_input(ret);
                if (r != -EAGAIN)
                        return r;
        }
}
