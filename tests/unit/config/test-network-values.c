/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses, links, MAC addresses, rates and ports: what is read, how it is written, and that a
 * refusal says what is allowed and gives an example. */

#include "../unit.h"

#include "config/address-setting.h"
#include "config/bandwidth-setting.h"
#include "config/link-setting.h"
#include "config/port-setting.h"

#include <netinet/in.h>
#include <string.h>

typedef int (*Parse)(const char *text, Buffer *out, Error *error);

static int any_address(const char *text, Buffer *out, Error *error)
{
        AddressSetting a;
        int r = address_setting_parse(text, &a, error);

        if (r >= 0)
                address_setting_format(&a, out);
        return r;
}

static int own_address(const char *text, Buffer *out, Error *error)
{
        AddressSetting a;
        int r = address_setting_parse_own(text, &a, error);

        if (r >= 0)
                address_setting_format(&a, out);
        return r;
}

static int peer(const char *text, Buffer *out, Error *error)
{
        AddressSetting a;
        int r = address_setting_parse_peer(text, &a, error);

        if (r >= 0)
                address_setting_format(&a, out);
        return r;
}

static int network(const char *text, Buffer *out, Error *error)
{
        AddressSetting a;
        int r = address_setting_parse_network(text, &a, error);

        if (r >= 0)
                address_setting_format(&a, out);
        return r;
}

static int links(const char *text, Buffer *out, Error *error)
{
        _cleanup_(link_pairs_done) LinkPairs p = {};
        int r = link_pairs_parse(text, &p, error);

        if (r >= 0)
                link_pairs_format(&p, out);
        return r;
}

static int zone(const char *text, Buffer *out, Error *error)
{
        buffer_puts(out, text);
        return link_zone_check(text, error);
}

static int mac(const char *text, Buffer *out, Error *error)
{
        MacAddress m;
        int r = mac_address_parse(text, &m, error);

        if (r >= 0)
                mac_address_format(&m, out);
        return r;
}

static int bandwidth(const char *text, Buffer *out, Error *error)
{
        BandwidthSetting b;
        int r = bandwidth_setting_parse(text, &b, error);

        if (r >= 0)
                bandwidth_setting_format(&b, out);
        return r;
}

static int port(const char *text, Buffer *out, Error *error)
{
        PortSetting p;
        int r = port_setting_parse(text, &p, error);

        if (r >= 0)
                port_setting_format(&p, out);
        return r;
}

static const struct {
        Parse parse;
        const char *text;
        const char *written; /* NULL: refused */
        const char *message; /* part of it */
} rows[] = {
        { any_address, "192.0.2.5/24", "192.0.2.5/24", NULL },
        { any_address, "192.0.2.5", "192.0.2.5", NULL },
        { any_address, "192.0.2.5/32", "192.0.2.5", NULL },
        { any_address, "2001:DB8:0::5/64", "2001:db8::5/64", NULL },
        { any_address, "::", "::", NULL },
        { any_address, "", NULL, "not an address such as 192.0.2.5/24" },
        { any_address, "192.0.2", NULL, "not an address" },
        { any_address, "192.0.2.256", NULL, "not an address" },
        { any_address, "2001:db8::g", NULL, "not an address" },
        { any_address, "fe80::1%eth0", NULL, "not an address" },
        { any_address, "192.0.2.5/", NULL, "allowed are /1 to /32" },
        { any_address, "192.0.2.5/0", NULL, "allowed are /1 to /32" },
        { any_address, "192.0.2.5/33", NULL, "allowed are /1 to /32" },
        { any_address, "2001:db8::/129", NULL, "allowed are /1 to /128" },
        { own_address, "192.0.2.0/24", NULL, "the network itself" },
        { own_address, "192.0.2.255/24", NULL, "the broadcast address" },
        { own_address, "192.0.2.0/31", "192.0.2.0/31", NULL },
        { own_address, "2001:db8::/64", NULL, "the network itself" },
        { own_address, "2001:db8::/127", "2001:db8::/127", NULL },
        { own_address, "127.0.0.1", NULL, "a loopback address" },
        { own_address, "::1", NULL, "a loopback address" },
        { own_address, "224.0.0.1", NULL, "a multicast address" },
        { own_address, "ff02::1", NULL, "a multicast address" },
        { own_address, "0.0.0.0", NULL, "stands for every address" },
        { peer, "192.0.2.1", "192.0.2.1", NULL },
        { peer, "127.0.0.53", "127.0.0.53", NULL },
        { peer, "192.0.2.1/24", NULL, "write it without '/'" },
        { peer, "::", NULL, "stands for every address" },
        { network, "10.0.0.0/8", "10.0.0.0/8", NULL },
        { network, "10.0.0.1/8", NULL, "bits set beyond its /8" },
        { links, "eth0", "eth0", NULL },
        { links, "eth0:lan  eth1", "eth0:lan\neth1", NULL },
        { links, "eth0:", NULL, "'' is not the name of an interface; allowed are 1 to 15" },
        { links, ":lan", NULL, "'' is not the name of an interface" },
        { links, "a:b:c", NULL, "'b:c' is not the name of an interface" },
        { links, "1234", NULL, "'1234' is not the name" },
        { links, "all", NULL, "'all' is not the name" },
        { links, "..", NULL, "'..' is not the name" },
        { links, "abcdefghijklmnop", NULL, "'abcdefghijklmnop' is not the name" },
        { links, "abcdefghijklmno", "abcdefghijklmno", NULL },
        { links, "eth0 eth0:x", NULL, "'eth0' is there already" },
        { links, " ", NULL, "names no interface" },
        { zone, "web", "web", NULL },
        { zone, "abcdefghijkl", "abcdefghijkl", NULL },
        { zone, "abcdefghijklm", NULL, "allowed are 1 to 12 characters" },
        { zone, "a/b", NULL, "'a/b' is not the name of a zone" },
        { mac, "02:00:5E:00:53:01", "02:00:5e:00:53:01", NULL },
        { mac, "02-00-5e-00-53-01", "02:00:5e:00:53:01", NULL },
        { mac, "03:00:5e:00:53:01", NULL, "the MAC address of a group" },
        { mac, "00:00:00:00:00:00", NULL, "no host's MAC address" },
        { mac, "02:00:5e:00:53", NULL, "six hexadecimal bytes, such as 02:00" },
        { mac, "02:00:5e:00:53:01:02", NULL, "not a MAC address" },
        { mac, "02:00:5e-00:53:01", NULL, "not a MAC address" },
        { bandwidth, "100M", "100M", NULL },
        { bandwidth, "1000000", "1M", NULL },
        { bandwidth, "1500K", "1500K", NULL },
        { bandwidth, "in:100M out:20M", "in:100M out:20M", NULL },
        { bandwidth, "out:20M,in:20M", "20M", NULL },
        { bandwidth, "in:1T", "in:1T", NULL },
        { bandwidth, "100", NULL, "'100' is not a rate; allowed are 1K to 1T bits per second" },
        { bandwidth, "2T", NULL, "not a rate" },
        { bandwidth, "99999999999999999999", NULL, "not a rate" },
        { bandwidth, "18446744073709551615T", NULL, "not a rate" },
        { bandwidth, "100Mbit", NULL, "such as 100M or in:100M out:20M" },
        { bandwidth, "up:1M", NULL, "'up:1M' has no direction" },
        { bandwidth, "1M in:2M", NULL, "'in:2M' says again" },
        { bandwidth, "in:1M in:2M", NULL, "'in:2M' says again" },
        { bandwidth, " ", NULL, "not a rate" },
        { port, "8080", "tcp:8080", NULL },
        { port, "8080:80", "tcp:8080:80", NULL },
        { port, "udp:53:53", "udp:53", NULL },
        { port, "tcp:127.0.0.1:8080:80", "tcp:127.0.0.1:8080:80", NULL },
        { port, "tcp:[::1]:8080:80", "tcp:[::1]:8080:80", NULL },
        { port, "[2001:db8::5]:443", "tcp:[2001:db8::5]:443", NULL },
        { port, "192.0.2.5:443", "tcp:192.0.2.5:443", NULL },
        { port, "8000-8010:80-90", "tcp:8000-8010:80-90", NULL },
        { port, "1-65535", "tcp:1-65535", NULL },
        { port, "8000-8010:80", NULL, "11 ports of the host for 1 of the machine" },
        { port, "8010-8000", NULL, "'8010-8000' is not a port" },
        { port, "0", NULL, "'0' is not a port or a range of ports; allowed is" },
        { port, "65536", NULL, "'65536' is not a port" },
        { port, "80:", NULL, "'' is not a port" },
        { port, "80:90:100", NULL, "'90:100' is not a port" },
        { port, "sctp:80", NULL, "'sctp' is not a port" },
        { port, "tcp:", NULL, "'' is not a port" },
        { port, "+80", NULL, "'+80' is not a port" },
        { port, "-80", NULL, "'-80' is not a port" },
        { port, "80-", NULL, "'80-' is not a port" },
        { port, "[::1]80", NULL, "no address of the host" },
        { port, "[127.0.0.1]:80", NULL, "in brackets, such as [::1]" },
        { port, "127.0.0.1/8:80", NULL, "is not an address of the host" },
        { port, "127.0.0.300:80", NULL, "'127.0.0.300': not an address" },
        { port, "[fe80::1]:80", NULL, "'fe80::1' cannot lead into a machine" },
        { port, "[ff02::1]:80", NULL, "'ff02::1' cannot lead into a machine" },
        { port, "[::ffff:127.0.0.1]:80", NULL, "cannot lead into a machine" },
        { port, "udp:224.0.0.1:80", NULL, "'224.0.0.1' cannot lead into a machine" },
        { port, "[::]:80", "tcp:[::]:80", NULL },
};

static void test_rows(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_buffer_ Buffer out = BUFFER_NULL, again = BUFFER_NULL;
                _cleanup_error_ Error error = ERROR_NULL;
                int r = rows[i].parse(rows[i].text, &out, &error);

                if (!rows[i].written) {
                        if (r >= 0 || !error.message || !strstr(error.message, rows[i].message))
                                fail_msg("'%s': %s", rows[i].text, error.message);
                        continue;
                }
                if (r < 0)
                        fail_msg("'%s': %s", rows[i].text, error.message);
                assert_string_equal(out.data, rows[i].written);
                if (rows[i].parse == links)
                        continue; /* a line each, not a value */
                assert_int_equal(rows[i].parse(out.data, &again, NULL), 0);
                assert_string_equal(again.data, out.data);
        }
}

static void test_contains(void **state)
{
        static const struct {
                const char *network, *address;
                bool inside;
        } cases[] = {
                { "192.0.2.5/24", "192.0.2.1", true },
                { "192.0.2.5/24", "192.0.3.1", false },
                { "100.64.0.0/10", "100.127.1.1", true },
                { "100.64.0.0/10", "100.128.0.1", false },
                { "2001:db8::5/64", "2001:db8::1", true },
                { "2001:db8::5/64", "192.0.2.1", false },
                { "192.0.2.5", "192.0.2.5", true },
                { "192.0.2.5", "192.0.2.4", false },
                { "fd00::/7", "fc00::1", true },
                { "fd00::/8", "fc00::1", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                AddressSetting n, a;

                assert_int_equal(address_setting_parse(cases[i].network, &n, NULL), 0);
                assert_int_equal(address_setting_parse(cases[i].address, &a, NULL), 0);
                assert_int_equal(address_setting_contains(&n, &a), cases[i].inside);
        }
}

static void test_overlaps(void **state)
{
        static const struct {
                const char *first, *second;
                bool fine;
        } cases[] = {
                { "80", "80", true }, /* says the same */
                { "tcp:80:80", "80", true },
                { "80", "80:8080", false },
                { "80", "udp:80", true },
                { "8000-8010", "8010:1", false },
                { "8000-8010", "8011", true },
                { "127.0.0.1:80", "80", false },
                { "127.0.0.1:80", "192.0.2.5:80", true },
                { "0.0.0.0:80", "192.0.2.5:80", false },
                { "0.0.0.0:80", "[2001:db8::5]:80", true },
                { "[::]:80", "[2001:db8::5]:80", false },
                { "1-65535", "65535:1", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(port_settings_done) PortSettings p = {};
                _cleanup_error_ Error error = ERROR_NULL;
                int r;

                assert_int_equal(port_settings_add(&p, cases[i].first, "f:1", &error), 0);
                r = port_settings_add(&p, cases[i].second, "f:2", &error);
                if ((r >= 0) != cases[i].fine)
                        fail_msg("%s and %s: %s", cases[i].first, cases[i].second, error.message);
                if (r >= 0)
                        continue;
                assert_non_null(strstr(error.message, cases[i].second));
                assert_non_null(strstr(error.message, "(f:1)"));
        }
}

static void test_fields(void **state)
{
        BandwidthSetting b;
        PortSetting p;

        assert_int_equal(port_setting_parse("udp:[::1]:5000-5009:53-62", &p, NULL), 0);
        assert_int_equal(p.protocol, IPPROTO_UDP);
        assert_int_equal(p.address.family, AF_INET6);
        assert_int_equal(p.host, 5000);
        assert_int_equal(p.machine, 53);
        assert_int_equal(p.n, 10);
        assert_int_equal(bandwidth_setting_parse("in:100M", &b, NULL), 0);
        assert_int_equal(b.in, 100000000);
        assert_int_equal(b.out, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rows),
                cmocka_unit_test(test_contains),
                cmocka_unit_test(test_overlaps),
                cmocka_unit_test(test_fields),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
