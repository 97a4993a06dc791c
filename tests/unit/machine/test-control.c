/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The console socket: found by the machine's name, gone with its supervisor. */

#include "../world.h"

#include "machine/control.h"
#include "machine/machine.h"

#include <errno.h>
#include <sys/socket.h>

static void test_connect(void **state)
{
        _cleanup_close_ int directory = -EBADF, listener = -EBADF, client = -EBADF, ours = -EBADF;
        _cleanup_error_ Error error = ERROR_NULL;
        struct stat st;
        char data[16];

        assert_int_equal(machine_directory_create("web", &directory, &error), 0);
        assert_int_equal(control_listen(directory, &listener, &error), 0);
        assert_int_equal(fstatat(directory, "console", &st, AT_SYMLINK_NOFOLLOW), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(accept4(listener, NULL, NULL, SOCK_CLOEXEC), -1); /* does not block */
        assert_int_equal(errno, EAGAIN);
        assert_int_equal(control_connect("web", &client, &error), 0);
        ours = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        assert_true(ours >= 0);
        assert_int_equal(send(client, "ab", 2, 0), 2);
        assert_int_equal(send(client, "c", 1, 0), 1);
        assert_int_equal(recv(ours, data, sizeof(data), 0), 2); /* packets keep their bounds */
        assert_int_equal(recv(ours, data, sizeof(data), 0), 1);
}

static void test_nobody(void **state)
{
        _cleanup_close_ int directory = -EBADF, listener = -EBADF, client = -EBADF;
        _cleanup_error_ Error none = ERROR_NULL, dead = ERROR_NULL, error = ERROR_NULL;

        assert_int_equal(control_connect("none", &client, &none), -ENXIO);
        assert_non_null(strstr(none.message, "'none' does not run"));
        assert_string_equal(none.hint, "stead shell none");
        assert_int_equal(machine_directory_create("web", &directory, &error), 0);
        assert_int_equal(control_listen(directory, &listener, &error), 0);
        (void)close(TAKE_FD(listener)); /* killed: the socket stays in the directory */
        assert_int_equal(control_connect("web", &client, &dead), -ENXIO);
        assert_int_equal(control_listen(directory, &listener, &error), 0); /* and is replaced */
        assert_int_equal(control_connect("web", &client, &error), 0);
}

/* The longest name there is has to fit into a socket address. */
static void test_longest_name(void **state)
{
        _cleanup_close_ int directory = -EBADF, listener = -EBADF, client = -EBADF;
        _cleanup_error_ Error error = ERROR_NULL;
        char name[65];

        memset(name, 'n', 64);
        name[64] = '\0';
        assert_int_equal(machine_directory_create(name, &directory, &error), 0);
        assert_int_equal(control_listen(directory, &listener, &error), 0);
        assert_int_equal(control_connect(name, &client, &error), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_connect),
                cmocka_unit_test(test_nobody),
                cmocka_unit_test(test_longest_name),
        };
        int r = world_enter();

        return r != 0 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
