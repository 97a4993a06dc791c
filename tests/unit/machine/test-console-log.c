/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ring of the console: its end is always there, whole, also while it is being written. */

#include "../world.h"

#include "machine/console-log.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* The text that a position has: any 8 bytes tell where they are. */
static void fill(char *data, uint64_t from, size_t size)
{
        for (size_t i = 0; i < size; i++) {
                uint64_t word = (from + i) / 8 * UINT64_C(0x9E3779B97F4A7C15);

                data[i] = (char)(word >> ((from + i) % 8 * 8));
        }
}

static void write_pattern(ConsoleLog *log, uint64_t *at, size_t size)
{
        _cleanup_free_ char *data = malloc(size + 1);

        fill(data, *at, size);
        assert_int_equal(console_log_append(log, data, size), 0);
        *at += size;
}

/* Reads what is new and compares it with what must be there before *position. */
static size_t read_pattern(ConsoleLog *log, uint64_t *position)
{
        _cleanup_free_ char *data = NULL, *expected = NULL;
        size_t size = 0;

        assert_int_equal(console_log_read(log, position, &data, &size), 0);
        assert_true(size <= CONSOLE_LOG_SIZE);
        expected = malloc(size + 1);
        fill(expected, *position - size, size);
        if (memcmp(data, expected, size) != 0)
                fail_msg("%zu bytes before %llu are not what was written", size,
                         (unsigned long long)*position);
        return size;
}

static void test_wrap(void **state)
{
        static const size_t sizes[] = { 1, 4096, 65535, 65536, 65537, 200000, 3, 60000, 8192 };
        ConsoleLog writer = CONSOLE_LOG_NULL, reader;
        uint64_t at = 0, position = 0;

        writer.name = "web";
        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                uint64_t all = 0;

                write_pattern(&writer, &at, sizes[i]);
                assert_int_equal(console_log_open("web", &reader), 0);
                assert_int_equal(read_pattern(&reader, &all), MIN_OF(at, (uint64_t)65536));
                assert_int_equal(all, at);
                assert_int_equal(read_pattern(&reader, &position), /* one that goes on */
                                 MIN_OF(sizes[i], (size_t)65536));
                assert_int_equal(read_pattern(&reader, &position), 0); /* nothing new */
                console_log_done(&reader);
        }
        console_log_done(&writer);
}

static void test_lapped_reader(void **state)
{
        ConsoleLog writer = CONSOLE_LOG_NULL, reader;
        uint64_t at = 0, position = 0;

        writer.name = "web";
        write_pattern(&writer, &at, 1000);
        assert_int_equal(console_log_open("web", &reader), 0);
        assert_int_equal(read_pattern(&reader, &position), 1000);
        for (int i = 0; i < 40; i++)
                write_pattern(&writer, &at, 4096);
        assert_int_equal(read_pattern(&reader, &position), 65536);
        assert_int_equal(position, at);
        console_log_done(&reader);
        console_log_done(&writer);
}

static void test_nothing_yet(void **state)
{
        ConsoleLog writer = CONSOLE_LOG_NULL, reader;

        assert_int_equal(console_log_open("web", &reader), -ENOENT);
        assert_int_equal(console_log_append(&writer, "x", 1), 0); /* no name: no log */
        assert_int_equal(console_log_open("web", &reader), -ENOENT);
        assert_int_equal(console_log_remove("web"), 0);
        writer.name = "web";
        assert_int_equal(console_log_append(&writer, "x", 1), 0);
        assert_int_equal(console_log_open("web", &reader), 0);
        console_log_done(&reader);
        console_log_done(&writer);
        assert_int_equal(console_log_remove("web"), 0);
        assert_int_equal(console_log_open("web", &reader), -ENOENT);
}

/* A log that was there is not written to, and a link in its place is not followed. */
static void test_not_ours(void **state)
{
        ConsoleLog writer = CONSOLE_LOG_NULL, reader;

        world_put("/run", "/target", "before", 0600);
        world_link("", "/run/target", CONSOLE_LOG_DIRECTORY "/web");
        assert_int_equal(console_log_open("web", &reader), -ELOOP);
        writer.name = "web";
        assert_true(console_log_append(&writer, "x", 1) < 0);
        assert_int_equal(console_log_append(&writer, "x", 1), 0); /* it gave up */
        console_log_done(&writer);
}

static void test_damaged(void **state)
{
        static const uint64_t counters[] = { 1, 65536, 65537, UINT64_MAX, 1000000 };
        ConsoleLog reader;

        for (size_t i = 0; i < ELEMENTSOF(counters); i++) {
                _cleanup_free_ char *data = NULL;
                uint64_t position = 0;
                size_t size;
                int fd;

                assert_int_equal(console_log_remove("web"), 0);
                world_put(CONSOLE_LOG_DIRECTORY, "/web", "", 0600);
                assert_int_equal(console_log_open("web", &reader), 0);
                assert_int_equal(console_log_read(&reader, &position, &data, &size), -ENODATA);
                fd = open(CONSOLE_LOG_DIRECTORY "/web", O_WRONLY | O_CLOEXEC);
                assert_int_equal(write_all(fd, &counters[i], 8), 0); /* a counter without data */
                (void)close(fd);
                assert_int_equal(console_log_read(&reader, &position, &data, &size), -ENODATA);
                console_log_done(&reader);
        }
}

/* A reader beside a writer that never rests sees old text or new, and never a mixture. */
static void test_while_writing(void **state)
{
        ConsoleLog writer = CONSOLE_LOG_NULL, reader;
        uint64_t at = 0, position = 0;
        pid_t pid;

        writer.name = "web";
        write_pattern(&writer, &at, 70000);
        pid = fork();
        if (pid == 0)
                for (;; (void)prctl(PR_SET_PDEATHSIG, SIGKILL))
                        write_pattern(&writer, &at, 1 + at % 4096);
        for (int i = 0; i < 3000; i++) {
                uint64_t all = 0;

                assert_int_equal(console_log_open("web", &reader), 0);
                assert_true(read_pattern(&reader, &all) > 0);
                (void)read_pattern(&reader, &position);
                console_log_done(&reader);
        }
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        console_log_done(&writer);
}

static int clean(void **state)
{
        return remove_tree_at(AT_FDCWD, "/run/stead");
}

#define CLEAN(test) cmocka_unit_test_setup(test, clean)

int main(void)
{
        const struct CMUnitTest tests[] = {
                CLEAN(test_wrap),     CLEAN(test_lapped_reader), CLEAN(test_nothing_yet),
                CLEAN(test_not_ours), CLEAN(test_damaged),       CLEAN(test_while_writing),
        };
        int r = world_enter();

        return r != 0 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
