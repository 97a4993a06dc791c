/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Forwarding of a machine's console. */

#include "boot/console.h"

#include "base/fd.h"
#include "machine/control.h"
#include "os/clock.h"
#include "os/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#define ESCAPE '\x1d' /* ^] */
#define ESCAPE_TIMES 3
#define DRAIN_PATIENCE_MS 5000
#define ESCAPE_WINDOW_USEC USEC_PER_SEC

static void watch(const Console *c, int fd, unsigned source, uint32_t events)
{
        struct epoll_event e = { .events = events, .data.u32 = source };

        if (fd < 0)
                return;
        if (events == 0)
                (void)epoll_ctl(c->epoll_fd, EPOLL_CTL_DEL, fd, NULL); /* may not be in it */
        else if (epoll_ctl(c->epoll_fd, EPOLL_CTL_MOD, fd, &e) < 0 && errno == ENOENT)
                (void)epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &e); /* EPERM: a regular file */
}

/* Backpressure in one place: we listen only to what we have room for. */
static void update_watches(Console *c)
{
        bool room_out = c->output_fd < 0 || c->output_size == 0;

        if (!c->hung_up)
                watch(c, c->master_fd, CONSOLE_SOURCE_MASTER,
                      (room_out ? EPOLLIN : 0U) | (c->input_size > 0 ? EPOLLOUT : 0U));
        watch(c, c->input_fd, CONSOLE_SOURCE_INPUT, c->input_size == 0 ? EPOLLIN : 0U);
        for (size_t i = 0; i < ELEMENTSOF(c->clients); i++)
                watch(c, c->clients[i], CONSOLE_SOURCE_CLIENT + (unsigned)i,
                      c->input_size == 0 ? EPOLLIN : 0U);
        if (c->output_fd >= 0)
                watch(c, c->output_fd, CONSOLE_SOURCE_OUTPUT, room_out ? 0U : EPOLLOUT);
}

/* A second open file of our own standard descriptor, so that O_NONBLOCK does not reach the programs
 * that share the first. Only terminals and pipes: a regular file would begin anew, and a socket
 * cannot be opened; those are used as they are. */
static int reopen(int fd, int flags)
{
        int again = -EBADF;
        struct stat st;

        if (fstat(fd, &st) >= 0 && (S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode)))
                again = open(fd_path(fd).path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        return again >= 0 ? again : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

int console_init(Console *c, ConsoleMode mode, int epoll_fd, int directory_fd, ConsoleLog *log,
                 Error *error)
{
        *c = (Console){
                .mode = mode,
                .epoll_fd = epoll_fd,
                .master_fd = -EBADF,
                .input_fd = -EBADF,
                .output_fd = -EBADF,
                .listen_fd = -EBADF,
                .log = log,
        };
        for (size_t i = 0; i < ELEMENTSOF(c->clients); i++)
                c->clients[i] = -EBADF;
        if (mode == CONSOLE_PIPE)
                return 0;
        if (mode == CONSOLE_INTERACTIVE || mode == CONSOLE_READ_ONLY)
                c->output_fd = reopen(STDOUT_FILENO, O_WRONLY);
        if (mode == CONSOLE_INTERACTIVE) {
                c->input_fd = reopen(STDIN_FILENO, O_RDONLY);
                c->raw = terminal_set_raw(STDIN_FILENO, &c->saved) >= 0; /* not on a pipe */
        }
        if (directory_fd < 0)
                return 0;
        if (control_listen(directory_fd, &c->listen_fd, error) < 0)
                return -error->number;
        watch(c, c->listen_fd, CONSOLE_SOURCE_LISTEN, EPOLLIN);
        return 0;
}

void console_set_master(Console *c, int master_fd)
{
        c->master_fd = master_fd;
        c->hung_up = false;
        c->input_size = 0;
        if (master_fd < 0)
                return;
        (void)fcntl(master_fd, F_SETFL, O_RDWR | O_NONBLOCK); /* ours alone */
        update_watches(c);
}

static void flush_output(Console *c)
{
        ssize_t n = c->output_size == 0 ? 0 : write(c->output_fd, c->output, c->output_size);

        if (n < 0 && errno != EAGAIN &&
            errno != EINTR) { /* the terminal is gone: go on without it */
                watch(c, c->output_fd, CONSOLE_SOURCE_OUTPUT, 0);
                closep(&c->output_fd);
                c->output_fd = -EBADF;
                c->output_size = 0;
        } else if (n > 0) {
                c->output_size -= (size_t)n;
                memmove(c->output, c->output + n, c->output_size);
        }
}

static void drop_client(Console *c, size_t i)
{
        closep(&c->clients[i]); /* closing takes it out of the epoll set, too */
        c->clients[i] = -EBADF;
}

static void take_output(Console *c, const char *data, size_t size)
{
        (void)console_log_append(c->log, data, size); /* a full /run must not stop the machine */
        for (size_t i = 0; i < ELEMENTSOF(c->clients); i++)
                if (c->clients[i] >= 0 &&
                    send(c->clients[i], data, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
                    errno != EAGAIN) /* a slow client loses output, the log still has it */
                        drop_client(c, i);
        if (c->output_fd >= 0) {
                memcpy(c->output, data, size);
                c->output_size = size;
                flush_output(c);
        }
}

/* Returns false when there is no more for now. */
static bool read_master(Console *c)
{
        char data[CONSOLE_BUFFER];
        ssize_t n = read(c->master_fd, data, sizeof(data));

        if (n > 0) {
                take_output(c, data, (size_t)n);
                return true;
        }
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return false;
        /* EIO: no process has the slave open just now, as between two gettys. Not the end. */
        watch(c, c->master_fd, CONSOLE_SOURCE_MASTER, 0);
        c->hung_up = true;
        return false;
}

static void write_master(Console *c)
{
        ssize_t n = c->master_fd < 0 ? (ssize_t)c->input_size
                                     : write(c->master_fd, c->input, c->input_size);

        if (n < 0 && errno != EAGAIN && errno != EINTR)
                n = (ssize_t)c->input_size; /* nobody there who could read it */
        if (n > 0) {
                c->input_size -= (size_t)n;
                memmove(c->input, c->input + n, c->input_size);
        }
}

void console_retry(Console *c)
{
        if (!c->hung_up || c->master_fd < 0)
                return;
        c->hung_up = false;
        update_watches(c);
}

void console_drain(Console *c)
{
        /* somebody may have opened the slave since it was seen without a writer, said his last
         * words and gone: systemd does so line by line */
        c->hung_up = false;
        for (;;) {
                struct pollfd p = { .fd = c->output_fd, .events = POLLOUT };

                /* a reader may be slow, but one that takes nothing for so long is not reading */
                while (c->output_fd >= 0 && c->output_size > 0 &&
                       poll(&p, 1, DRAIN_PATIENCE_MS) > 0)
                        flush_output(c);
                c->output_size = 0; /* the log has it */
                if (c->master_fd < 0 || c->hung_up || !read_master(c))
                        break;
        }
        console_set_master(c, -EBADF);
}

/* Counts the escape among typed characters. */
static bool is_escape(Console *c, const char *data, size_t size)
{
        for (size_t i = 0; i < size; i++) {
                uint64_t now = clock_now_usec();

                if (data[i] != ESCAPE) {
                        c->escapes = 0;
                        continue;
                }
                if (c->escapes == 0 || now - c->escape_usec > ESCAPE_WINDOW_USEC) {
                        c->escapes = 0;
                        c->escape_usec = now;
                }
                if (++c->escapes == ESCAPE_TIMES) {
                        c->escapes = 0;
                        return true;
                }
        }
        return false;
}

static int read_input(Console *c)
{
        ssize_t n;

        if (c->input_size > 0)
                return 0; /* a client was faster in this round */
        n = read(c->input_fd, c->input, sizeof(c->input));
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n <= 0) { /* end of our input: the machine goes on */
                watch(c, c->input_fd, CONSOLE_SOURCE_INPUT, 0);
                closep(&c->input_fd);
                c->input_fd = -EBADF;
                return 0;
        }
        if (is_escape(c, c->input, (size_t)n))
                return 1;
        c->input_size = (size_t)n;
        write_master(c);
        return 0;
}

static void accept_client(Console *c)
{
        int fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        for (size_t i = 0; fd >= 0 && i < ELEMENTSOF(c->clients); i++)
                if (c->clients[i] < 0) {
                        c->clients[i] = fd;
                        watch(c, fd, CONSOLE_SOURCE_CLIENT + (unsigned)i, EPOLLIN);
                        return;
                }
        closep(&fd); /* the client sees the end at once and says so */
}

static void read_client(Console *c, size_t i)
{
        char packet[CONTROL_PACKET_MAX];
        ControlSize size;
        ssize_t n;

        if (c->clients[i] < 0 || c->input_size > 0)
                return; /* not yet: what does not fit would be lost */
        n = recv(c->clients[i], packet, sizeof(packet), MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n <= 0) {
                drop_client(c, i);
                return;
        }
        if (packet[0] == CONTROL_SIZE && n == sizeof(size)) {
                memcpy(&size, packet, sizeof(size));
                if (c->master_fd >= 0)
                        (void)pty_set_size(c->master_fd, size.rows, size.columns);
        } else if (packet[0] == CONTROL_INPUT) {
                c->input_size = (size_t)n - 1;
                memcpy(c->input, packet + 1, c->input_size);
                write_master(c);
        }
}

int console_on_event(Console *c, unsigned source)
{
        int r = 0;

        if (source == CONSOLE_SOURCE_MASTER && c->master_fd >= 0) {
                if (c->input_size > 0)
                        write_master(c);
                if (c->output_fd < 0 || c->output_size == 0)
                        (void)read_master(c);
        } else if (source == CONSOLE_SOURCE_INPUT && c->input_fd >= 0) {
                r = read_input(c);
        } else if (source == CONSOLE_SOURCE_OUTPUT && c->output_fd >= 0) {
                flush_output(c);
        } else if (source == CONSOLE_SOURCE_LISTEN) {
                accept_client(c);
        } else if (source >= CONSOLE_SOURCE_CLIENT &&
                   source < CONSOLE_SOURCE_CLIENT + CONSOLE_CLIENTS_MAX) {
                read_client(c, source - CONSOLE_SOURCE_CLIENT);
        }
        update_watches(c);
        return r;
}

void console_on_resize(Console *c)
{
        if (c->master_fd >= 0 && c->input_fd >= 0)
                pty_copy_size(STDIN_FILENO, c->master_fd);
}

void console_say(Console *c, const char *text)
{
        if (c->mode != CONSOLE_PIPE && c->mode != CONSOLE_PASSIVE)
                fprintf(stderr, "%s%s\n", text, c->raw ? "\r" : "");
}

void console_done(Console *c)
{
        if (c->raw)
                (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &c->saved); /* a terminal that is gone */
        c->raw = false;
        for (size_t i = 0; i < ELEMENTSOF(c->clients); i++)
                drop_client(c, i);
        closep(&c->input_fd);
        closep(&c->output_fd);
        closep(&c->listen_fd);
}
