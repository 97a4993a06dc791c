/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an errand says comes back with all its words, also before its process has ended. */

#include "image/errand.h"

#include "../unit.h"

#include <errno.h>
#include <signal.h>

static int succeed(void *argument, Error *error)
{
        return *(int *)argument;
}

static int fail_with_words(void *argument, Error *error)
{
        error_set(error, ENOSPC, "The moon is full");
        error_hint(error, "take another one");
        return -ENOSPC;
}

static int die(void *argument, Error *error)
{
        (void)raise(SIGKILL);
        return 0;
}

static void test_run(void **state)
{
        _cleanup_error_ Error error = ERROR_NULL, killed = ERROR_NULL;
        int seven = 7;

        assert_int_equal(errand_run(succeed, &seven, NULL), 7);
        assert_int_equal(errand_run(fail_with_words, NULL, &error), -ENOSPC);
        assert_int_equal(error.number, ENOSPC);
        assert_string_equal(error.message, "The moon is full");
        assert_string_equal(error.hint, "take another one");
        assert_int_equal(errand_run(die, NULL, &killed), -EIO);
        assert_string_equal(killed.message, "A process that worked for us was ended by signal 9");
}

/* Who only hears still has the process. */
static void test_hear(void **state)
{
        _cleanup_error_ Error error = ERROR_NULL;
        Errand errand = ERRAND_NULL;
        int seven = 7;

        assert_int_equal(errand_start(succeed, &seven, &errand, NULL), 0);
        assert_int_equal(errand_hear(&errand, NULL), 7);
        assert_true(errand.pid_fd >= 0 && errand.report_fd < 0);
        errand_done(&errand);
        assert_true(errand.pid_fd < 0);

        /* one that was killed has nothing more to end */
        assert_int_equal(errand_start(die, NULL, &errand, NULL), 0);
        assert_int_equal(errand_hear(&errand, &error), -EIO);
        assert_true(errand.pid_fd < 0 && errand.report_fd < 0);
        errand_done(&errand);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_run),
                cmocka_unit_test(test_hear),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
