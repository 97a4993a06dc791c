/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pods on disk: found like machines, put together, and missing where a machine names one. */

#include "parsed.h"

#include "base/fd.h"
#include "config/pod.h"

#include <fcntl.h>

static void test_load(void **state)
{
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_strv_ char **names = NULL;
        _cleanup_pod_ Pod *pod = NULL;

        put(*state, "/usr/lib/stead/dns.pod", "[Network]\nVirtualEthernet=no\n");
        put(*state, "/etc/stead/dns.pod",
            "[Network]\nZone=web\nPort=udp:53\nServiceAddress=203.0.113.53\n"
            "[Health]\nCommand=dig \"a b\"\nIntervalSec=2\n[Resources]\nMemoryMax=1G\n");
        put(*state, "/run/stead/dns.pod.d/50-x.conf", "[Health]\nRetries=1\nIntervalSec=1\n");
        put(*state, "/etc/stead/pod.d/10-all.conf", "[Network]\nMTU=1400\n");
        put(*state, "/etc/stead/web.machine", "[Exec]\nBoot=yes\n");
        if (pod_load(*state, "dns", &pod, &diagnostics, &error) < 0)
                fail_msg("%s", error.message);
        assert_true(pod->settings->network_veth);
        assert_string_equal(pod->settings->network_zone, "web");
        assert_int_equal(pod->settings->network_mtu, 1400);
        assert_int_equal(pod->settings->ports.n, 1);
        assert_int_equal(pod->settings->service_addresses.n, 1);
        assert_int_equal(pod->health.interval_usec, 1000000);
        assert_int_equal(pod->health.timeout_usec, HEALTH_TIMEOUT_DEFAULT);
        assert_int_equal(pod->health.retries, 1);
        assert_string_equal(pod->health.command[1], "a b");
        assert_string_equal(pod->settings->resources[0], "MemoryMax=1G");
        assert_int_equal(definition_list_pods(*state, &names), 0);
        assert_int_equal(strv_length(names), 1);
        assert_string_equal(names[0], "dns");
}

/* What a pod was started with, after its definition is another. */
static void test_kept(void **state)
{
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_pod_ Pod *pod = NULL, *again = NULL, *broken = NULL;
        _cleanup_free_ char *text = NULL, *second = NULL;

        put(*state, "/etc/stead/dns.pod",
            "[Network]\nZone=web\nPort=udp:53\nPort=\nPort=tcp:80\nServiceAddress=203.0.113.53\n"
            "[Health]\nCommand=dig \"a b\"\n[Resources]\nMemoryMax=1G\n");
        assert_int_equal(pod_load(*state, "dns", &pod, &diagnostics, &error), 0);
        assert_int_equal(pod_format(pod, &text), 0);
        if (pod_parse("dns", text, &again, &error) < 0)
                fail_msg("%s", error.message);
        assert_string_equal(again->settings->network_zone, "web");
        assert_int_equal(again->settings->ports.n, 1);
        assert_int_equal(again->settings->ports.items[0].host, 80);
        assert_int_equal(again->settings->service_addresses.n, 1);
        assert_string_equal(again->health.command[1], "a b");
        assert_int_equal(pod_format(again, &second), 0);
        assert_string_equal(text, second);
        assert_int_equal(pod_parse("dns", "[Network]\nNoKey=1\n", &broken, &error), -EBADMSG);
}

static void test_errors(void **state)
{
        static const struct {
                const char *text, *message;
        } rows[] = {
                { "[Network]\nPort=80\n", "Port= (" },
                { "[Network]\nVirtualEthernet=yes\nBridge=a\nZone=b\n", "exclude each other" },
                { "[Network]\nMACVLAN=a\nAddress=192.0.2.5\nServiceAddress=192.0.2.5\n",
                  "192.0.2.5 is given by both ServiceAddress= and Address=" },
                { "[Health]\nRetries=0\n", "dns.pod:2: Retries=0: not a number of checks" },
                { "[Health]\nWithdrawSec=2min\n",
                  "dns.pod:2: WithdrawSec=2min: not a time; allowed are 0 to 1min" },
                { "[Exec]\n", "dns.pod:1: there is no section [Exec] in a pod" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
                _cleanup_error_ Error error = ERROR_NULL;
                Pod *pod = NULL;

                put(*state, "/etc/stead/dns.pod", rows[i].text);
                assert_int_equal(pod_load(*state, "dns", &pod, &diagnostics, &error), -EINVAL);
                assert_int_equal(diagnostics.n_errors, 1);
                if (!strstr(error.message, rows[i].message))
                        fail_msg("%s: %s", rows[i].text, error.message);
                assert_null(pod);
        }
}

static void test_missing(void **state)
{
        _cleanup_assignments_ Assignments a = ASSIGNMENTS_NULL;
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        Pod *pod = NULL;

        assert_int_equal(pod_load(*state, "dns", &pod, &diagnostics, &error), -ENOENT);
        assert_int_equal(diagnostics.n, 0);
        assert_int_equal(pod_diagnose_missing(*state, &a, &diagnostics), 0);
        assert_int_equal(diagnostics.n, 0);
        assert_int_equal(assignments_add(&a, option_by_key("Network", "Pod"), "dns", "w:7", true),
                         0);
        assert_int_equal(pod_diagnose_missing(*state, &a, &diagnostics), 0);
        assert_int_equal(diagnostics.n_errors, 1);
        assert_string_equal(diagnostics.items[0].origin, "w:7");
        assert_string_equal(diagnostics.items[0].message,
                            "Pod=dns: There is no definition of pod 'dns'");
        assert_non_null(diagnostics.items[0].hint);
        put(*state, "/etc/stead/dns.pod", "[Network]\nVirtualEthernet=yes\n");
        assert_int_equal(pod_diagnose_missing(*state, &a, &diagnostics), 0);
        assert_int_equal(diagnostics.n_errors, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_DIRECTORY(test_load),
                WITH_DIRECTORY(test_kept),
                WITH_DIRECTORY(test_errors),
                WITH_DIRECTORY(test_missing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
