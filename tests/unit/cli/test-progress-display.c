/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is shown of long work, on a terminal and elsewhere. */

#include "base/fd.h"
#include "cli/progress-display.h"

#include "../unit.h"

#include <fcntl.h>
#include <jansson.h>
#include <pty.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

static void assert_line(const Progress *p, uint64_t usec, const char *expected)
{
        char line[128];

        progress_display_line(p, usec, line, sizeof(line));
        assert_string_equal(line, expected);
}

static void test_line(void **state)
{
        Progress p = { .stage = "Downloading" };
        char narrow[16];

        assert_line(&p, 0, "Downloading");
        p.done_bytes = 12 << 20;
        assert_line(&p, 0, "Downloading  12.0M");
        p.total_bytes = 48 << 20;
        p.requests = 3;
        assert_line(&p, 3000000, "Downloading  12.0M of 48.0M  25%  4.0M/s  3 requests");
        p = (Progress){ .stage = "Checking", .done_objects = 3, .total_objects = 4 };
        assert_line(&p, 3000000, "Checking  75%  3 of 4 objects");
        /* more than was announced is no more than all of it */
        p.done_objects = 9;
        assert_line(&p, 3000000, "Checking  100%  9 of 4 objects");
        progress_display_line(&p, 0, narrow, sizeof(narrow));
        assert_string_equal(narrow, "Checking  100% ");
}

/* Standard error is @fd meanwhile. */
static void show(int fd, ProgressDisplay *d, bool json, bool quiet, unsigned msec)
{
        struct timespec pause = { .tv_nsec = msec * 1000000L };
        int saved = dup(STDERR_FILENO);

        assert_true(dup2(fd, STDERR_FILENO) >= 0);
        progress_display_init(d, json, quiet);
        progress_begin(&d->progress, "Reading", 100, 0);
        assert_int_equal(progress_step(&d->progress, 40, 1), 0);
        (void)nanosleep(&pause, NULL);
        assert_int_equal(progress_step(&d->progress, 60, 1), 0);
        progress_begin(&d->progress, "Publishing", 0, 0);
        assert_int_equal(progress_step(&d->progress, 0, 1), 0);
        progress_display_end(d);
        progress_display_end(d);
        assert_true(dup2(saved, STDERR_FILENO) >= 0);
        (void)close(saved);
}

static char *shown(bool json, bool quiet, unsigned msec)
{
        _cleanup_close_ int fd = memfd_create("stderr", MFD_CLOEXEC);
        ProgressDisplay d;
        char *text = NULL;

        show(fd, &d, json, quiet, msec);
        assert_true(lseek(fd, 0, SEEK_SET) == 0 && read_fd(fd, 65536, &text) >= 0);
        return text;
}

static void test_lines(void **state)
{
        _cleanup_free_ char *slow = shown(false, false, 510), *fast = shown(false, false, 0),
                            *quiet = shown(false, true, 510);

        assert_int_equal(strncmp(slow, "Reading  100B of 100B  100%", 27), 0);
        assert_ptr_equal(strchr(slow, '\n') + 1, slow + strlen(slow));
        assert_string_equal(fast, "");
        assert_string_equal(quiet, "");
}

static void test_events(void **state)
{
        static const struct {
                const char *event, *stage;
                json_int_t bytes;
        } expected[] = {
                { "progress", "Reading", 100 },
                { "stage", "Reading", 100 },
                { "stage", "Publishing", 0 },
        };
        _cleanup_free_ char *text = shown(true, false, 260);
        char *line = text;

        for (size_t i = 0; i < ELEMENTSOF(expected); i++) {
                char *end = strchr(line, '\n');
                json_t *e;

                assert_non_null(end);
                *end = '\0';
                e = json_loads(line, 0, NULL);
                assert_non_null(e);
                assert_string_equal(json_string_value(json_object_get(e, "event")),
                                    expected[i].event);
                assert_string_equal(json_string_value(json_object_get(e, "stage")),
                                    expected[i].stage);
                assert_int_equal(json_integer_value(json_object_get(e, "bytes")),
                                 expected[i].bytes);
                json_decref(e);
                line = end + 1;
        }
        assert_string_equal(line, "");
}

static void test_terminal(void **state)
{
        struct winsize size = { .ws_col = 20, .ws_row = 24 };
        _cleanup_close_ int ours = -EBADF, theirs = -EBADF;
        ProgressDisplay d;
        char text[1024];
        ssize_t n;

        assert_int_equal(openpty(&ours, &theirs, NULL, NULL, &size), 0);
        show(theirs, &d, false, false, 110);
        n = read(ours, text, sizeof(text) - 1);
        assert_true(n > 0);
        text[n] = '\0';
        /* one line, as wide as the terminal at most, gone at the end */
        assert_string_equal(text, "\rReading  100B of 10\033[K\r\033[K");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_line),
                cmocka_unit_test(test_lines),
                cmocka_unit_test(test_events),
                cmocka_unit_test(test_terminal),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
