/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Slots and pressure, in a folder of the test's own. Locks belong to open files, so that one
 * process can play several launchers. */

#include "../unit.h"

#include "boot/start-gate.h"

#include "base/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int setup(void **state)
{
        static char path[64];
        int *fd = malloc(sizeof(int));

        (void)snprintf(path, sizeof(path), "/tmp/stead-start-gate.XXXXXX");
        assert_non_null(fd);
        assert_non_null(mkdtemp(path));
        *fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(*fd >= 0);
        *state = fd;
        return 0;
}

static int teardown(void **state)
{
        char link[32], path[128] = {};
        int *fd = *state;

        (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", *fd);
        assert_true(readlink(link, path, sizeof(path) - 1) > 0);
        assert_int_equal(remove_tree_at(AT_FDCWD, path), 0);
        (void)close(*fd);
        free(fd);
        return 0;
}

static void test_slots(void **state)
{
        int directory = *(int *)*state, a, b, c;
        unsigned taken = 99;

        a = start_gate_try(directory, 2, false, &taken);
        b = start_gate_try(directory, 2, false, &taken);
        assert_true(a >= 0);
        assert_true(b >= 0);
        assert_int_equal(taken, 99);
        assert_int_equal(start_gate_try(directory, 2, false, &taken), -EAGAIN);
        assert_int_equal(taken, 2);
        /* more were allowed meanwhile */
        c = start_gate_try(directory, 3, false, &taken);
        assert_true(c >= 0);
        /* and fewer: those above still count for nobody */
        assert_int_equal(start_gate_try(directory, 1, false, &taken), -EAGAIN);
        (void)close(a);
        a = start_gate_try(directory, 1, false, &taken);
        assert_true(a >= 0);
        (void)close(a);
        (void)close(b);
        (void)close(c);
}

static void test_alone(void **state)
{
        int directory = *(int *)*state, a, b;
        unsigned taken = 99;

        a = start_gate_try(directory, 3, true, &taken);
        assert_true(a >= 0);
        assert_int_equal(start_gate_try(directory, 3, true, &taken), -EAGAIN);
        assert_int_equal(taken, 1);
        /* the try above kept none of the slots that it looked at */
        b = start_gate_try(directory, 2, false, &taken);
        assert_true(b >= 0);
        (void)close(a);
        (void)close(b);
        a = start_gate_try(directory, 3, true, &taken);
        assert_true(a >= 0);
        (void)close(a);
}

static const char *pressure(int directory, const char *cpu, const char *io, const char *memory)
{
        static const HostSettings limits = {
                .start_cpu_pressure = 100,
                .start_io_pressure = 60,
                .start_memory_pressure = 20,
        };
        const char *const texts[] = { cpu, io, memory }, *const files[] = { "cpu", "io", "memory" };

        for (unsigned i = 0; i < 3; i++) {
                char text[160];

                (void)snprintf(text, sizeof(text),
                               "some avg10=%s avg60=99.99 avg300=99.99 total=1\n"
                               "full avg10=99.99 avg60=99.99 avg300=99.99 total=1\n",
                               texts[i]);
                assert_int_equal(write_file_atomic_at(directory, files[i], text, 0600), 0);
        }
        return start_gate_pressure(directory, &limits);
}

static void test_pressure(void **state)
{
        int directory = *(int *)*state;

        assert_null(pressure(directory, "0.00", "0.00", "0.00"));
        assert_null(pressure(directory, "100.00", "60.00", "20.00"));
        assert_string_equal(pressure(directory, "0.00", "60.01", "0.00"), "io");
        assert_string_equal(pressure(directory, "0.00", "0.00", "20.10"), "memory");
        assert_string_equal(pressure(directory, "0.00", "100.00", "0.00"), "io");
        /* a kernel without it */
        assert_null(start_gate_pressure(-EBADF, &host_settings_default));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_slots, setup, teardown),
                cmocka_unit_test_setup_teardown(test_alone, setup, teardown),
                cmocka_unit_test_setup_teardown(test_pressure, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
