/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host's settings: what is read, what is said of mistakes, and that the rest stays in force. */

#include "../unit.h"

#include "config/host-settings.h"

#include "base/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int load(const char *text, HostSettings *ret, Diagnostics *diagnostics)
{
        char path[] = "/tmp/stead-host-settings.XXXXXX";
        int fd = mkstemp(path), r;

        assert_true(fd >= 0);
        assert_int_equal(write_all(fd, text, strlen(text)), 0);
        (void)close(fd);
        r = host_settings_load(path, ret, diagnostics, NULL);
        (void)unlink(path);
        return r;
}

static void test_missing(void **state)
{
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        HostSettings s;

        assert_int_equal(host_settings_load("/nonexistent/stead.conf", &s, &diagnostics, NULL), 0);
        assert_memory_equal(&s, &host_settings_default, sizeof(s));
        assert_int_equal(diagnostics.n, 0);
}

static void test_values(void **state)
{
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        HostSettings s;

        assert_int_equal(load("# ours\n"
                              "[Start]\n"
                              " Parallel = 4 \n"
                              "TurnSec=1min 30s\n"
                              "CPUPressure=90%\r\n"
                              "IOPressure=0%\n"
                              "MemoryPressure=100%\n"
                              "[X-Other]\n"
                              "Anything=1\n",
                              &s, &diagnostics),
                         0);
        assert_int_equal(diagnostics.n, 0);
        assert_int_equal(s.start_parallel, 4);
        assert_int_equal(s.start_turn, 90);
        assert_int_equal(s.start_cpu_pressure, 90);
        assert_int_equal(s.start_io_pressure, 0);
        assert_int_equal(s.start_memory_pressure, 100);
}

static void test_mistakes(void **state)
{
        static const struct {
                const char *line, *message, *hint;
        } mistakes[] = {
                { "Parallel=0", "Parallel=0: not a number of machines", NULL },
                { "Parallel=two", "Parallel=two: not a number of machines", NULL },
                { "Parallel=", "Parallel=: not a number of machines", NULL },
                { "Paralel=2", "there is no key Paralel= in section [Start]", "Parallel=" },
                { "TurnSec=0", "TurnSec=0: not a time; allowed are 1s to 1day", NULL },
                { "TurnSec=infinity", "TurnSec=infinity: not a time", NULL },
                { "IOPressure=60", "IOPressure=60: not a share of time", NULL },
                { "IOPressure=101%", "IOPressure=101%: not a share of time", NULL },
                { "IOPressure=%", "IOPressure=%: not a share of time", NULL },
                { "=1", "'=1' is neither Key=value nor [Section]", NULL },
                { "Parallel", "'Parallel' is neither Key=value nor [Section]", NULL },
                { "Parallel=\033[2J", "the line is not plain text", NULL },
                { "[Stop]", "there is no section [Stop]", "[Start]" },
        };

        for (size_t i = 0; i < ELEMENTSOF(mistakes); i++) {
                _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
                HostSettings s;
                char text[128];

                (void)snprintf(text, sizeof(text), "[Start]\nCPUPressure=50%%\n%s\nParallel=7\n",
                               mistakes[i].line);
                assert_int_equal(load(text, &s, &diagnostics), 0);
                assert_int_equal(diagnostics.n_errors, 1);
                assert_non_null(strstr(diagnostics.items[0].origin, ":3"));
                assert_non_null(strstr(diagnostics.items[0].message, mistakes[i].message));
                if (mistakes[i].hint)
                        assert_string_equal(diagnostics.items[0].hint, mistakes[i].hint);
                assert_int_equal(s.start_cpu_pressure, 50);
                assert_int_equal(s.start_parallel, mistakes[i].line[0] == '[' ? 0 : 7);
        }
}

static void test_no_section(void **state)
{
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        HostSettings s;

        assert_int_equal(load("Parallel=4\n", &s, &diagnostics), 0);
        assert_int_equal(diagnostics.n_errors, 1);
        assert_non_null(strstr(diagnostics.items[0].message, "comes before the first section"));
        assert_int_equal(s.start_parallel, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_missing),
                cmocka_unit_test(test_values),
                cmocka_unit_test(test_mistakes),
                cmocka_unit_test(test_no_section),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
