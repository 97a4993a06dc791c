/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* [Network] as a whole: values arrive in Settings, what excludes what, what is implied, and that a
 * start is refused where this version would not act on it. */

#include "config/later-option.h"
#include "parsed.h"

#include <netinet/in.h>

static const struct {
        const char *words;
        const char *message; /* NULL: goes together */
} rows[] = {
        { "-n|-p|80|--network-address=192.0.2.5/24|--network-gateway=192.0.2.1", NULL },
        { "--network-bridge=br0|--network-zone=web",
          "--network-bridge 'br0' and --network-zone 'web' exclude each other: the link is put" },
        { "--network-bridge=br0|--network-veth=no|-p|80", NULL },
        { "--network-namespace-path=/a|-n",
          "--network-namespace-path '/a' and --network-veth exclude each other: the network" },
        { "--network-namespace-path=/a|--network-veth=no", NULL },
        { "--network-namespace-path=/a|--network-mtu=1400",
          "--network-namespace-path '/a' and --network-mtu '1400' exclude" },
        { "--network-namespace-path=/a|--pod=dns",
          "--pod 'dns' and --network-namespace-path '/a' exclude each other: a machine has one" },
        { "--pod=dns", NULL },
        { "--pod=dns|--private-network", "--pod 'dns' and --private-network exclude" },
        { "--pod=dns|--network-dns=192.0.2.1",
          "--pod 'dns' and --network-dns '192.0.2.1' exclude each other: links and addresses" },
        { "--pod=dns|-p|80|-n", "--pod 'dns' and --port '80' exclude each other: ports belong to" },
        { "-p|80", "--port '80' needs a virtual Ethernet link" },
        { "-p|80|--network-macvlan=eth0", "--port '80' needs a virtual Ethernet link" },
        { "-p|80|--network-zone=web", NULL },
        { "-n|-p|80|-p|80:8080", "--port: Port=: '80:8080' overlaps with 'tcp:80' (--port)" },
        { "--private-network|--network-address=192.0.2.5",
          "--network-address '192.0.2.5' needs a link" },
        { "--network-dns=192.0.2.5", "--network-dns '192.0.2.5' needs a link" },
        { "--network-mtu=1400|--network-ipvlan=eth0", NULL },
        { "--network-bandwidth-max=1M",
          "--network-bandwidth-max '1M' needs a virtual Ethernet link" },
        { "--network-bandwidth-max=1M|--network-macvlan=eth0",
          "--network-bandwidth-max '1M' needs a virtual Ethernet link" },
        { "--network-mac-address=02:00:5e:00:53:01|--network-ipvlan=eth0",
          "--network-mac-address '02:00:5e:00:53:01' needs a virtual Ethernet or macvlan link" },
        { "--network-mac-address=02:00:5e:00:53:01|--network-macvlan=eth0", NULL },
        { "-n|--network-gateway=192.0.2.1",
          "--network-gateway: the gateway 192.0.2.1 is in no network of Address=" },
        { "-n|--network-address=198.51.100.5/24|--network-gateway=192.0.2.1",
          "--network-gateway: the gateway 192.0.2.1 is in no network of Address=" },
        { "-n|--network-address=192.0.2.1/24|--network-gateway=192.0.2.1",
          "--network-gateway: the gateway 192.0.2.1 is the address of the machine itself" },
        { "-n|--network-gateway=fe80::1", NULL },
        { "-n|--network-gateway=2001:db8::1",
          "--network-gateway: the gateway 2001:db8::1 is in no network of Address=" },
        { "-n|--network-address=2001:db8::5/64|--network-mtu=1200",
          "--network-mtu '1200' and --network-address '2001:db8::5/64' exclude" },
};

static void test_rules(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_error_ Error error = ERROR_NULL;

                assert_words(rows[i].words, rows[i].message, &error);
        }
}

static void test_two_gateways(void **state)
{
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_settings_ Settings *s =
                parse_words("-n|--network-address=192.0.2.5/24|--network-gateway=192.0.2.1|"
                            "--network-gateway=192.0.2.2",
                            &error);
        _cleanup_settings_ Settings *reset = parse_words(
                "-n|--network-address=192.0.2.5/24|--network-gateway=192.0.2.1|"
                "--network-gateway=|--network-gateway=192.0.2.2|--network-gateway=fe80::1",
                NULL);
        _cleanup_free_ char *text = NULL;

        assert_null(s);
        assert_non_null(strstr(error.message, "a second gateway for IPv4 beside 192.0.2.1"));
        assert_non_null(reset);
        text = value_of(reset, "Network", "Gateway");
        assert_string_equal(text, "192.0.2.2\nfe80::1");
}

static void test_implied(void **state)
{
        static const struct {
                const char *words;
                bool private_network, veth;
        } cases[] = {
                { "-n", true, true },
                { "--network-bridge=br0", true, true },
                { "--network-zone=web", true, true },
                { "--network-veth-extra=a:b", true, false },
                { "--network-interface=eth1", true, false },
                { "--network-macvlan=eth1", true, false },
                { "--network-ipvlan=eth1", true, false },
                { "--network-veth=no", false, false },
                { "--pod=dns", false, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_settings_ Settings *s = parse_words(cases[i].words, NULL);

                assert_non_null(s);
                assert_int_equal(s->private_network, cases[i].private_network);
                assert_int_equal(s->network_veth, cases[i].veth);
        }
}

static void test_values(void **state)
{
        static const char *const values[][2] = {
                { "VirtualEthernetExtra", "a:b\nc" },
                { "Interface", "eth1\neth2:lan" },
                { "MACVLAN", "eth0" },
                { "IPVLAN", "eth3:x" },
                { "Bridge", "br0" },
                { "Address", "192.0.2.5/24\n2001:db8::5/64" },
                { "DNS", "192.0.2.1\n127.0.0.53" },
                { "MTU", "1400" },
                { "MACAddress", "02:00:5e:00:53:01" },
                { "BandwidthMax", "in:100M out:20M" },
                { "Port", "tcp:8080:80\nudp:[::1]:53" },
        };
        _cleanup_settings_ Settings *s = parse_words(
                "--network-veth-extra=a:b|--network-veth-extra=c|--network-interface=eth1 eth2:lan|"
                "--network-macvlan=eth0|--network-ipvlan=eth3:x|--network-bridge=br0|"
                "--network-address=192.0.2.5/24|--network-address=2001:db8::5/64|"
                "--network-dns=192.0.2.1 127.0.0.53|--network-mtu=1400|"
                "--network-mac-address=02-00-5e-00-53-01|"
                "--network-bandwidth-max=in:100M out:20M|-p|8080:80|--port=udp:[::1]:53",
                NULL);

        assert_non_null(s);
        for (size_t i = 0; i < ELEMENTSOF(values); i++) {
                _cleanup_free_ char *text = value_of(s, "Network", values[i][0]);

                assert_string_equal(text, values[i][1]);
        }
        assert_string_equal(s->ports.items[0].origin, "--port");
        assert_int_equal(s->network_bandwidth.out, 20000000);
}

/* What this version does not act on is refused by name and place, and nothing else is. */
static void test_refused_at_start(void **state)
{
        static const struct {
                const char *key, *value, *origin;
                const char *message; /* NULL: fine */
        } cases[] = {
                { "Pod", "", "/e/w.machine:3", NULL },
                { "VirtualEthernet", "yes", "/e/w.machine:3", NULL },
                { "BandwidthMax", "1M", "/e/w.machine:3", NULL },
                { "Private", "yes", "f:1", NULL },
                { "Pod", "dns", "f:1", NULL },
                { "MACAddress", "02:00:5e:00:53:01", "$SYSTEMD_NSPAWN_NETWORK_MAC", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_assignments_ Assignments a = ASSIGNMENTS_NULL;
                _cleanup_diagnostics_ Diagnostics d = DIAGNOSTICS_NULL;
                _cleanup_error_ Error error = ERROR_NULL;
                const char *message = cases[i].message;

                assert_int_equal(assignments_add(&a, option_by_key("Network", cases[i].key),
                                                 cases[i].value, cases[i].origin, true),
                                 0);
                assert_int_equal(later_refuse(&a, &error), message ? -EOPNOTSUPP : 0);
                assert_int_equal(later_diagnose(&a, &d), 0);
                assert_int_equal(d.n_errors, message != NULL);
                if (!message)
                        continue;
                assert_string_equal(error.message, message);
                assert_string_equal(d.items[0].origin, cases[i].origin);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rules),
                cmocka_unit_test(test_two_gateways),
                cmocka_unit_test(test_implied),
                cmocka_unit_test(test_values),
                cmocka_unit_test(test_refused_at_start),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
