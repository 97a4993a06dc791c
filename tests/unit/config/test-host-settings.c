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
                { "[Stop]", "there is no section [Stop]", "[Start] or [Network]" },
                { "[Netwrk]", "there is no section [Netwrk]", "[Network]" },
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

static void test_pools(void **state)
{
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        static const char *const bad[][2] = {
                { "Pool=10.0.0.1/8", "bits set beyond its /8" },
                { "Pool=10.0.0.0/29", "not an IPv4 network of /8 to /28, such as" },
                { "Pool=fd00::/48", "not an IPv4 network" },
                { "Pool=", "not an address" },
                { "Pool6=fd12:3456:789a::/64", "not a /48 of unique local addresses" },
                { "Pool6=2001:db8::/48", "not a /48 of unique local addresses, such as fd12:" },
        };
        Id128 one = { { 1 } }, other = { { 2 } };
        AddressSetting a, b;
        HostSettings s;

        assert_int_equal(
                load("[Network]\nPool=10.88.0.0/16\nPool6=fd12:3456:789a::/48\n", &s, &diagnostics),
                0);
        assert_int_equal(diagnostics.n, 0);
        assert_int_equal(s.network_pool.prefix, 16);
        assert_int_equal(s.network_pool.bytes[1], 88);
        a = host_settings_pool6(&s, &one);
        assert_int_equal(a.bytes[1], 0x12);
        a = host_settings_pool6(&host_settings_default, &one);
        b = host_settings_pool6(&host_settings_default, &other);
        assert_int_equal(a.bytes[0], 0xfd);
        assert_int_equal(a.prefix, 48);
        assert_int_equal(a.bytes[6], 0);
        assert_memory_not_equal(a.bytes, b.bytes, sizeof(a.bytes));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                _cleanup_diagnostics_ Diagnostics d = DIAGNOSTICS_NULL;
                char text[128];

                (void)snprintf(text, sizeof(text), "[Network]\n%s\n", bad[i][0]);
                assert_int_equal(load(text, &s, &d), 0);
                assert_int_equal(d.n_errors, 1);
                assert_non_null(strstr(d.items[0].message, bad[i][1]));
                assert_int_equal(s.network_pool.prefix, 10);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_missing),  cmocka_unit_test(test_values),
                cmocka_unit_test(test_mistakes), cmocka_unit_test(test_no_section),
                cmocka_unit_test(test_pools),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
