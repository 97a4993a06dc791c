/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Forwarding between a pty, our own streams and the clients of the socket. The streams are pipes
 * and files that the test puts in the place of its own. */

#include "../world.h"

#include "boot/console.h"
#include "machine/control.h"
#include "machine/machine.h"

#include <pty.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>

typedef struct Fixture {
        Console console;
        ConsoleLog log;
        int epoll_fd, master, slave, directory_fd;
} Fixture;

/* In a child, whose standard output may be anything. */
static void begin(Fixture *f, ConsoleMode mode)
{
        Error error = ERROR_NULL;

        *f = (Fixture){ .log = CONSOLE_LOG_NULL, .epoll_fd = epoll_create1(EPOLL_CLOEXEC) };
        if (openpty(&f->master, &f->slave, NULL, NULL, NULL) < 0 ||
            machine_directory_create("web", &f->directory_fd, &error) < 0 ||
            console_init(&f->console, mode, f->epoll_fd, f->directory_fd, &f->log, &error) < 0)
                _exit(90);
        console_set_master(&f->console, f->master);
}

/* There is something to come: a thread of the kernel's brings what is written to a terminal. */
static void pump(Fixture *f, int rounds)
{
        struct epoll_event e;

        for (int wait = 10000; rounds-- > 0 && epoll_wait(f->epoll_fd, &e, 1, wait) > 0; wait = 200)
                (void)console_on_event(&f->console, e.data.u32);
}

static int run_with_output(int output_fd, void (*body)(void))
{
        int status;
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
                (void)dup2(output_fd, STDOUT_FILENO);
                (void)alarm(60);
                body();
                _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return status;
}

static void say_hello(void)
{
        Fixture f;

        begin(&f, CONSOLE_READ_ONLY);
        (void)!write(f.slave, "hello", 5);
        pump(&f, 2);
        console_done(&f.console);
}

/* `stead-launch ... >>log`, and two programs that share one redirection: nothing is overwritten. */
static void test_output_to_file(void **state)
{
        _cleanup_free_ char *path = NULL, *text = NULL;
        _cleanup_close_ int append = -EBADF, shared = -EBADF;

        world_put(*state, "/log", "before\n", 0600);
        assert_true(asprintf(&path, "%s/log", (char *)*state) > 0);
        append = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
        assert_int_equal(run_with_output(append, say_hello), 0);
        assert_true(read_file_at(AT_FDCWD, path, 100, &text) > 0);
        assert_string_equal(text, "before\nhello");

        shared = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
        assert_int_equal(write_all(shared, "first\n", 6), 0);
        assert_int_equal(run_with_output(shared, say_hello), 0);
        assert_int_equal(write_all(shared, "\nlast", 5), 0);
        free(TAKE_PTR(text));
        assert_true(read_file_at(AT_FDCWD, path, 100, &text) > 0);
        assert_string_equal(text, "first\nhello\nlast");
}

/* As systemd writes to its console: opened for each line, the last one while nobody looks. */
static void say_last_words(void)
{
        _cleanup_free_ char *path = NULL;
        int slave;
        Fixture f;

        begin(&f, CONSOLE_READ_ONLY);
        path = strdup(ptsname(f.master) ?: "");
        (void)!write(f.slave, "one ", 4);
        (void)close(f.slave);
        pump(&f, 3); /* has seen the hang-up */
        slave = open(path ?: "", O_RDWR | O_NOCTTY);
        (void)!write(slave, "two", 3);
        (void)close(slave);
        console_drain(&f.console);
        console_done(&f.console);
}

static void test_last_words(void **state)
{
        _cleanup_free_ char *path = NULL, *text = NULL;
        _cleanup_close_ int file = -EBADF;

        assert_true(asprintf(&path, "%s/last", (char *)*state) > 0);
        file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_int_equal(run_with_output(file, say_last_words), 0);
        assert_true(read_file_at(AT_FDCWD, path, 100, &text) > 0);
        assert_string_equal(text, "one two");
}

/* What clients type reaches the machine, and what it says reaches them all and the log. */
static void test_clients(void **state)
{
        _cleanup_error_ Error error = ERROR_NULL;
        int clients[2];
        char data[64];
        Fixture f;

        begin(&f, CONSOLE_PASSIVE);
        f.log.name = "web";
        for (size_t i = 0; i < ELEMENTSOF(clients); i++)
                assert_int_equal(control_connect("web", &clients[i], &error), 0);
        pump(&f, 4);
        assert_int_equal(write_all(f.slave, "out", 3), 0);
        pump(&f, 1);
        for (size_t i = 0; i < ELEMENTSOF(clients); i++) {
                assert_int_equal(recv(clients[i], data, sizeof(data), 0), 3);
                assert_memory_equal(data, "out", 3);
        }
        assert_int_equal(send(clients[0], "ihello\n", 7, 0), 7);
        pump(&f, 2);
        assert_int_equal(read(f.slave, data, sizeof(data)), 6);
        assert_memory_equal(data, "hello\n", 6);
        (void)close(clients[0]);
        (void)close(clients[1]);
        pump(&f, 4);
        for (size_t i = 0; i < CONSOLE_CLIENTS_MAX; i++)
                assert_true(f.console.clients[i] < 0);
        console_done(&f.console);
        console_log_done(&f.log);
}

static void test_window_size(void **state)
{
        ControlSize size = { .type = CONTROL_SIZE, .rows = 40, .columns = 132 };
        _cleanup_error_ Error error = ERROR_NULL;
        struct winsize w;
        int client;
        Fixture f;

        begin(&f, CONSOLE_PASSIVE);
        assert_int_equal(control_connect("web", &client, &error), 0);
        assert_int_equal(send(client, &size, sizeof(size) - 1, 0), sizeof(size) - 1); /* short */
        assert_int_equal(send(client, "?", 1, 0), 1);
        assert_int_equal(send(client, &size, sizeof(size), 0), sizeof(size));
        pump(&f, 8);
        assert_int_equal(ioctl(f.slave, TIOCGWINSZ, &w), 0);
        assert_int_equal(w.ws_row, 40);
        assert_int_equal(w.ws_col, 132);
        (void)close(client);
        console_done(&f.console);
}

/* More clients than there is room for see their end at once; the others are not harmed. */
static void test_too_many_clients(void **state)
{
        _cleanup_error_ Error error = ERROR_NULL;
        int clients[CONSOLE_CLIENTS_MAX + 1];
        char byte;
        Fixture f;

        begin(&f, CONSOLE_PASSIVE);
        for (size_t i = 0; i < ELEMENTSOF(clients); i++) {
                assert_int_equal(control_connect("web", &clients[i], &error), 0);
                pump(&f, 1);
        }
        assert_int_equal(recv(clients[CONSOLE_CLIENTS_MAX], &byte, 1, 0), 0);
        assert_int_equal(recv(clients[0], &byte, 1, MSG_DONTWAIT), -1);
        for (size_t i = 0; i < ELEMENTSOF(clients); i++)
                (void)close(clients[i]);
        console_done(&f.console);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_DIRECTORY(test_output_to_file),     WITH_DIRECTORY(test_last_words),
                cmocka_unit_test(test_clients),          cmocka_unit_test(test_window_size),
                cmocka_unit_test(test_too_many_clients),
        };
        int r = world_enter();

        return r != 0 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
