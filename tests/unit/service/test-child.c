/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Children that write, hang and die. */

#include "../unit.h"
#include "base/parse.h"
#include "service/child.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

typedef struct Result {
        sd_event *event;
        int status;
        bool timed_out, cut;
        char *output, *errors;
} Result;

static void result_done(Result *r)
{
        free(r->output);
        free(r->errors);
}

static void on_end(Child *child, const ChildEnd *end, void *userdata)
{
        Result *r = userdata;

        r->status = end->status;
        r->timed_out = end->timed_out;
        r->cut = end->output_cut;
        r->output = strdup(end->output);
        r->errors = strdup(end->errors);
        assert_int_equal(sd_event_exit(r->event, 0), 0);
}

static void run(ChildFunction function, const void *argument, uint64_t timeout, Result *ret)
{
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_child_ Child *child = NULL;
        sigset_t set;

        (void)sigemptyset(&set);
        (void)sigaddset(&set, SIGCHLD);
        assert_int_equal(sigprocmask(SIG_BLOCK, &set, NULL), 0);
        assert_int_equal(sd_event_new(&event), 0);
        *ret = (Result){ .event = event };
        assert_int_equal(
                child_run_function(event, function, argument, timeout, on_end, ret, &child, &error),
                0);
        assert_int_equal(sd_event_loop(event), 0);
        assert_int_equal(child_signal(child, SIGTERM), -ESRCH); /* it has been reaped */
}

static int greet(const void *argument)
{
        printf("hello %s", (const char *)argument);
        fputs("stead: no good\n", stderr);
        (void)fflush(stdout);
        return 3;
}

static void test_output(void **state)
{
        _cleanup_(result_done) Result r;

        run(greet, "world", USEC_INFINITY, &r);
        assert_int_equal(r.status, 3);
        assert_string_equal(r.output, "hello world");
        assert_string_equal(r.errors, "stead: no good\n");
        assert_false(r.timed_out || r.cut);
}

static int write_much(const void *argument)
{
        char line[1024];

        memset(line, 'x', sizeof(line));
        for (size_t i = 0; i < 2 * CHILD_OUTPUT_MAX / sizeof(line); i++)
                if (write(STDOUT_FILENO, line, sizeof(line)) < 0)
                        return EXIT_FAILURE;
        return EXIT_SUCCESS;
}

/* What is too much is read all the same, so that the child does not wait for ever. */
static void test_much_output(void **state)
{
        _cleanup_(result_done) Result r;

        run(write_much, NULL, USEC_INFINITY, &r);
        assert_int_equal(r.status, 0);
        assert_true(r.cut);
        assert_int_equal(strlen(r.output), CHILD_OUTPUT_MAX);
}

static int hang(const void *argument)
{
        while (pause() < 0)
                ;
        return EXIT_SUCCESS;
}

static void test_deadline(void **state)
{
        _cleanup_(result_done) Result r;

        run(hang, NULL, 50000, &r);
        assert_true(r.timed_out);
        assert_int_equal(r.status, 128 + SIGKILL);
}

/* Nothing of the service is open, no signal is blocked, and the limit is the usual one. */
static int look(const void *argument)
{
        DIR *d = opendir("/proc/self/fd");
        struct rlimit limit;
        sigset_t set;

        for (struct dirent *e; d && (e = readdir(d));)
                if (e->d_name[0] != '.' && atoi(e->d_name) != dirfd(d))
                        printf("%s ", e->d_name);
        (void)closedir(d);
        (void)sigprocmask(SIG_SETMASK, NULL, &set);
        for (int s = 1; s <= SIGRTMAX; s++)
                if (sigismember(&set, s) > 0)
                        printf("blocked:%d ", s);
        if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > 1024)
                printf("files:%u ", (unsigned)limit.rlim_cur);
        return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void test_clean(void **state)
{
        _cleanup_close_ int fd = open("/", O_PATH | O_DIRECTORY); /* leaked by somebody */
        _cleanup_(result_done) Result r;

        child_raise_file_limit();
        assert_true(fd >= 0);
        run(look, NULL, USEC_INFINITY, &r);
        assert_string_equal(r.output, "0 1 2 ");
}

static const struct {
        const char *errors, *message, *hint;
} words[] = {
        { "stead: no machine 'x'\n  Try: stead list\n", "no machine 'x'", "stead list" },
        { "stead-launch: no tree: gone\n", "no tree: gone", NULL },
        { "Machine 'a' is busy\nand so on\n", "Machine 'a' is busy\nand so on", NULL },
        { "steady as it goes: yes", "steady as it goes: yes", NULL },
        { "", "It ended with status 7 and said nothing", NULL },
        { "\n", "", NULL },
};

static void test_words(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(words); i++) {
                const ChildEnd end = { .status = 7, .output = "", .errors = words[i].errors };
                _cleanup_error_ Error error = ERROR_NULL;

                assert_int_equal(child_error(&end, EIO, &error), -EIO);
                assert_string_equal(error.message, words[i].message);
                if (words[i].hint)
                        assert_string_equal(error.hint, words[i].hint);
                else
                        assert_null(error.hint);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_output),   cmocka_unit_test(test_much_output),
                cmocka_unit_test(test_deadline), cmocka_unit_test(test_clean),
                cmocka_unit_test(test_words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
