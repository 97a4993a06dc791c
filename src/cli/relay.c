/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Moving bytes between two terminals. */

#include "cli/relay.h"

#include "base/fd.h"
#include "base/parse.h"
#include "cli/escape.h"
#include "machine/control.h"
#include "os/clock.h"
#include "os/pty.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>

#define END_OF_FILE_KEY 0x04 /* ^D */

enum {
        POLL_INPUT,
        POLL_PEER,
        POLL_SIGNAL,
        POLL_END,
        _POLL_MAX,
};

typedef struct Pump {
        Relay *relay;
        Escape escape;
        char pending[CONTROL_PACKET_MAX - 1]; /* typed, not yet taken by the peer */
        size_t n_pending;
        bool input_ended, peer_ended;
        bool hung_up; /* nobody has the terminal open just now */
        uint64_t began_usec;
} Pump;

/* Programs that log users in hang their terminal up and open it again. */
#define REOPEN_MS 50

/* How long the patient wait, and how often they look. */
#define PATIENCE_USEC (2 * USEC_PER_SEC)
#define PATIENCE_STEP_MS 100

static void send_size(const Relay *relay)
{
        struct winsize size;
        ControlSize message = { .type = CONTROL_SIZE };

        if (!relay->packets) {
                pty_copy_size(STDOUT_FILENO, relay->peer_fd);
                return;
        }
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
                return; /* no terminal, no size */
        message.rows = size.ws_row;
        message.columns = size.ws_col;
        /* a lost size is corrected by the next change */
        (void)send(relay->peer_fd, &message, sizeof(message), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Gives the peer what is pending; what it does not take stays. */
static int flush_pending(Pump *p)
{
        char packet[CONTROL_PACKET_MAX] = { CONTROL_INPUT };
        ssize_t n;

        if (p->n_pending == 0)
                return 0;
        if (p->relay->packets) {
                memcpy(packet + 1, p->pending, p->n_pending);
                n = send(p->relay->peer_fd, packet, p->n_pending + 1, MSG_NOSIGNAL | MSG_DONTWAIT);
                n = n > 0 ? n - 1 : n;
        } else {
                n = write(p->relay->peer_fd, p->pending, p->n_pending);
        }
        if (n < 0)
                return errno == EAGAIN || errno == EINTR || errno == EIO || errno == EPIPE ? 0
                                                                                           : -errno;
        p->n_pending -= (size_t)n;
        memmove(p->pending, p->pending + n, p->n_pending);
        return 0;
}

/* Returns 1 when the escape was typed. */
static int on_input(Pump *p)
{
        char *end = p->pending + p->n_pending;
        size_t room = sizeof(p->pending) - p->n_pending, size = 0;
        bool escaped;
        ssize_t n;

        n = read(STDIN_FILENO, end, room);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        if (n == 0) {
                p->input_ended = true;
                *end = END_OF_FILE_KEY;
                p->n_pending++;
                return 0;
        }
        escaped = escape_feed(&p->escape, end, (size_t)n, clock_now_usec(), &size);
        p->n_pending += size;
        return escaped;
}

/* Returns 1 when the peer has nothing more to say. */
static int on_peer(Pump *p)
{
        char data[16384];
        ssize_t n = p->relay->packets ? recv(p->relay->peer_fd, data, sizeof(data), 0)
                                      : read(p->relay->peer_fd, data, sizeof(data));

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        /* EIO: the last slave was closed */
        if (n < 0 && errno == EIO && p->relay->end_fd >= 0) {
                p->hung_up = true;
                return 0;
        }
        if (n < 0 && errno != EIO && errno != ECONNRESET)
                return -errno;
        if (n <= 0) {
                p->peer_ended = true;
                return 1;
        }
        p->relay->was_silent = false;
        return write_all(STDOUT_FILENO, data, (size_t)n);
}

/* Returns 1 when the signal ends us. */
static int on_signal(Pump *p, int signal_fd)
{
        struct signalfd_siginfo info;

        if (read(signal_fd, &info, sizeof(info)) != sizeof(info))
                return 0;
        if (info.ssi_signo == SIGWINCH) {
                send_size(p->relay);
                return 0;
        }
        p->relay->signal_number = (int)info.ssi_signo;
        return 1;
}

/* What the process wrote before its end; others may hold the terminal open and go on. */
static void drain(Pump *p)
{
        for (int i = 0; i < 64 && !p->peer_ended && !p->hung_up; i++) {
                struct pollfd fd = { .fd = p->relay->peer_fd, .events = POLLIN };

                if (poll(&fd, 1, 0) <= 0 || on_peer(p) != 0)
                        return;
        }
}

static bool is_waiting(const Pump *p)
{
        return p->relay->patient && p->relay->was_silent &&
               clock_now_usec() - p->began_usec < PATIENCE_USEC;
}

/* One turn. Returns a RelayEnd, -EAGAIN to go on, or an error. */
static int turn(Pump *p, int signal_fd)
{
        const Relay *relay = p->relay;
        bool waiting = is_waiting(p), room = !waiting && p->n_pending < sizeof(p->pending) - 1;
        int timeout = p->hung_up ? REOPEN_MS : waiting ? PATIENCE_STEP_MS : -1;
        struct pollfd fds[_POLL_MAX] = {
                [POLL_INPUT] = { .fd = room && !p->input_ended ? STDIN_FILENO : -1,
                                 .events = POLLIN },
                [POLL_PEER] = { .fd = p->peer_ended || p->hung_up ? -1 : relay->peer_fd,
                                .events = (short)(POLLIN | (p->n_pending > 0 ? POLLOUT : 0)) },
                [POLL_SIGNAL] = { .fd = signal_fd, .events = POLLIN },
                [POLL_END] = { .fd = relay->end_fd, .events = POLLIN },
        };
        int r = 0;

        if (poll(fds, ELEMENTSOF(fds), timeout) < 0)
                return errno == EINTR ? -EAGAIN : -errno;
        p->hung_up = false;
        if (fds[POLL_PEER].revents & (POLLIN | POLLHUP | POLLERR)) {
                r = on_peer(p);
                if (r > 0 && relay->end_fd < 0)
                        return RELAY_ENDED;
        }
        if (r >= 0 && fds[POLL_SIGNAL].revents && on_signal(p, signal_fd) > 0)
                return RELAY_SIGNALLED;
        if (r >= 0 && fds[POLL_INPUT].revents) {
                r = on_input(p);
                if (r > 0)
                        return RELAY_DETACHED;
        }
        if (r >= 0)
                r = flush_pending(p);
        if (r >= 0 && fds[POLL_END].revents) {
                drain(p);
                return RELAY_ENDED;
        }
        return r < 0 ? r : -EAGAIN;
}

static int pump(Pump *p, int signal_fd)
{
        int r;

        do
                r = turn(p, signal_fd);
        while (r == -EAGAIN);
        return r;
}

int relay_run(Relay *relay, Error *error)
{
        Pump p = { .relay = relay, .began_usec = clock_now_usec() };
        _cleanup_close_ int signal_fd = -EBADF;
        struct termios saved;
        sigset_t signals, before;
        bool raw;
        int r;

        relay->was_silent = true;
        (void)sigemptyset(&signals);
        (void)sigaddset(&signals, SIGWINCH);
        (void)sigaddset(&signals, SIGTERM);
        (void)sigaddset(&signals, SIGHUP);
        (void)sigaddset(&signals, SIGINT);
        (void)sigaddset(&signals, SIGQUIT);
        signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
        if (signal_fd < 0)
                return error_errno(error, errno, "Failed to wait for signals");
        (void)sigprocmask(SIG_BLOCK, &signals, &before);

        raw = terminal_set_raw(STDIN_FILENO, &saved) >= 0;
        send_size(relay);
        r = pump(&p, signal_fd);
        if (raw)
                (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &saved); /* the terminal may be gone */
        (void)sigprocmask(SIG_SETMASK, &before, NULL);
        return r < 0 ? error_errno(error, -r, "Failed to pass on terminal data") : r;
}
