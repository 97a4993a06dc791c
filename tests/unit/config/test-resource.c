/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The resource keys: every row is complete, every value is read as systemd reads it, and what
 * systemd would ignore is refused with what is allowed. */

#include "../unit.h"
#include "config/resource.h"

#include <string.h>

#define INFINITE RESOURCE_INFINITY

/* The value as one line: signature, then what is in it. */
static char *text_of(const ResourceValue *v)
{
        _cleanup_buffer_ Buffer out = BUFFER_NULL;

        buffer_puts(&out, resource_signature(v));
        switch (v->form) {
        case RESOURCE_FORM_BOOLEAN:
        case RESOURCE_FORM_NUMBER:
                if (v->number == INFINITE)
                        buffer_puts(&out, " infinity");
                else
                        buffer_printf(&out, " %llu", (unsigned long long)v->number);
                break;
        case RESOURCE_FORM_SCALE:
                buffer_printf(&out, " %u", v->scale);
                break;
        case RESOURCE_FORM_STRING:
                buffer_printf(&out, " %s", v->text);
                break;
        case RESOURCE_FORM_BITMAP:
                for (size_t i = 0; i < v->n_bitmap; i++)
                        buffer_printf(&out, " %02x", (unsigned)v->bitmap[i]);
                break;
        case RESOURCE_FORM_INTERFACES:
                buffer_puts(&out, v->number ? " allow" : " deny");
                break;
        case RESOURCE_FORM_STRINGS:
        case RESOURCE_FORM_PAIRS:
        case RESOURCE_FORM_DEVICES:
        case RESOURCE_FORM_ADDRESSES:
        case RESOURCE_FORM_PORTS:
        case RESOURCE_FORM_NFT_SETS:
        case RESOURCE_FORM_NONE:
        case _RESOURCE_FORM_MAX:
                break;
        }
        for (size_t i = 0; i < v->n_items; i++) {
                const ResourceItem *item = &v->items[i];

                if (item->name)
                        buffer_printf(&out, " %s", item->name);
                if (item->text)
                        buffer_printf(&out, " %s", item->text);
                if (v->form == RESOURCE_FORM_DEVICES)
                        buffer_printf(&out, item->number == INFINITE ? " infinity" : " %llu",
                                      (unsigned long long)item->number);
                if (v->form == RESOURCE_FORM_ADDRESSES)
                        buffer_printf(&out, " %d:%02x%02x%02x%02x/%u", item->family,
                                      (unsigned)item->address[0], (unsigned)item->address[1],
                                      (unsigned)item->address[2], (unsigned)item->address[3],
                                      item->prefix);
                if (v->form == RESOURCE_FORM_PORTS)
                        buffer_printf(&out, " %d,%d,%u,%u", item->family, item->protocol,
                                      (unsigned)item->n_ports, (unsigned)item->port);
                if (v->form == RESOURCE_FORM_NFT_SETS)
                        buffer_printf(&out, " %d,%d", item->protocol, item->family);
        }
        return buffer_steal(&out);
}

/* Values of one key, separated by '|', given one after the other. */
static void expect(const char *key, const char *values, const char *expected)
{
        _cleanup_resource_values_ ResourceValues all = RESOURCE_VALUES_NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_free_ char *text = NULL;
        const char *p = values;

        for (;;) {
                _cleanup_free_ char *value = strndup(p, strcspn(p, "|"));

                if (resource_values_assign(&all, key, value, &error) < 0)
                        fail_msg("%s=%s: %s", key, value, error.message);
                p += strlen(value);
                if (!*p++)
                        break;
        }
        assert_int_equal(all.n, 1);
        assert_ptr_equal(resource_values_find(&all, key), &all.items[0]);
        text = text_of(&all.items[0]);
        if (strcmp(text, expected) != 0)
                fail_msg("%s=%s: '%s', not '%s'", key, values, text, expected);
}

static void expect_error(const char *key, const char *value, const char *words)
{
        _cleanup_resource_values_ ResourceValues all = RESOURCE_VALUES_NULL;
        _cleanup_error_ Error error = ERROR_NULL;

        if (resource_values_assign(&all, key, value, &error) >= 0)
                fail_msg("%s=%s is accepted", key, value);
        assert_int_equal(all.n, 0);
        if (!strstr(error.message, words))
                fail_msg("%s=%s: '%s' has no '%s'", key, value, error.message, words);
}

static void test_rows(void **state)
{
        for (size_t i = 0; i < resource_key_count; i++) {
                const ResourceKey *k = &resource_keys[i];

                assert_ptr_equal(resource_key(k->name), k); /* no second row of the name */
                assert_true(k->since >= 200 && k->since <= 257);
                assert_true(k->help && strlen(k->help) > 5 && strlen(k->help) < 80);
                assert_non_null(resource_type_metavar(k->type));
                assert_int_equal(!!k->words, k->type == RESOURCE_CHOICE ||
                                                     k->type == RESOURCE_CONTROLLERS ||
                                                     k->type == RESOURCE_BPF_PROGRAM);
        }
        assert_null(resource_key("memorymax"));
}

static void test_sizes(void **state)
{
        expect("MemoryMax", "4096", "t 4096");
        expect("MemoryMax", "512M", "t 536870912");
        expect("MemoryMax", "1.5G", "t 1610612736");
        expect("MemoryMax", "1G 512M", "t 1610612736");
        expect("MemoryMax", "10B", "t 10");
        expect("MemoryMax", "infinity", "t infinity");
        expect("MemoryMax", "", "t infinity");
        expect("MemoryLow", "", "t 0");
        expect("MemoryMin", "0", "t 0");
        expect("MemorySwapMax", "0", "t 0");
        expect("MemoryHigh", "50%", "u 2147483648");
        expect("MemoryHigh", "12.34%", "u 529998964");
        expect("MemoryHigh", "100%", "u 4294967295");
        expect("MemoryMax", "1G|2G", "t 2147483648");
        expect_error("MemoryMax", "0", "at least 1");
        expect_error("MemoryMax", "512m", "K, M, G or T");
        expect_error("MemoryMax", "512MB", "K, M, G or T");
        expect_error("MemoryMax", "512MiB", "K, M, G or T");
        expect_error("MemoryMax", "M", "K, M, G or T");
        expect_error("MemoryMax", "-1", "K, M, G or T");
        expect_error("MemoryMax", "1M 1G", "K, M, G or T");
        expect_error("MemoryMax", "101%", "0.01% to 100%");
        expect_error("MemoryMax", "0%", "0.01% to 100%");
        expect_error("MemoryMax", "1.234%", "K, M, G or T");
        expect_error("MemoryMax", "99999999999999999999", "too large");
        expect_error("MemoryMax", "99999999999E", "too large");
        expect_error("MemoryMax", "18446744073709551615", "infinity");
}

static void test_numbers(void **state)
{
        expect("TasksMax", "100", "t 100");
        expect("TasksMax", "10%", "u 429496730");
        expect("TasksMax", "infinity", "t infinity");
        expect_error("TasksMax", "0", "at least 1");
        expect_error("TasksMax", "1K", "not a number");
        expect("CPUWeight", "1", "t 1");
        expect("CPUWeight", "10000", "t 10000");
        expect("CPUWeight", "idle", "t 0");
        expect("CPUWeight", "", "t infinity");
        expect_error("CPUWeight", "0", "1 to 10000 and idle");
        expect_error("CPUWeight", "10001", "1 to 10000 and idle");
        expect("IOWeight", "200", "t 200");
        expect_error("IOWeight", "idle", "1 to 10000");
        expect("CPUQuota", "150%", "t 1500000");
        expect("CPUQuota", "0.5%", "t 5000");
        expect("CPUQuota", "", "t infinity");
        expect_error("CPUQuota", "0%", "at least 0.01%");
        expect_error("CPUQuota", "150", "200% for two");
        expect("CPUQuotaPeriodSec", "10ms", "t 10000");
        expect("CPUQuotaPeriodSec", "1", "t 1000000");
        expect_error("CPUQuotaPeriodSec", "soon", "not a time span");
        expect("ManagedOOMMemoryPressureLimit", "60%", "u 2576980377");
        expect_error("ManagedOOMMemoryPressureLimit", "101%", "0% to 100%");
        expect("IOAccounting", "yes", "b 1");
        expect("IOAccounting", "off", "b 0");
        expect_error("IOAccounting", "", "no empty value");
        expect_error("IOAccounting", "maybe", "yes or no");
}

static void test_lists(void **state)
{
        expect("AllowedCPUs", "0-3 8,9", "ay 0f 03");
        expect("AllowedCPUs", "0|2|8", "ay 05 01");
        expect("AllowedCPUs", "0||3", "ay 08");
        expect("AllowedMemoryNodes", "0", "ay 01");
        expect_error("AllowedCPUs", "3-1", "'3-1'");
        expect_error("AllowedCPUs", "8192", "up to 8191");
        expect_error("AllowedCPUs", "a", "'a'");
        expect_error("AllowedCPUs", "1-", "'1-'");
        expect("IOReadBandwidthMax", "/dev/sda 5M", "a(st) /dev/sda 5000000");
        expect("IOReadBandwidthMax", "/dev/sda 5M|/dev/sdb 1K|/dev/sda infinity",
               "a(st) /dev/sdb 1000 /dev/sda infinity");
        expect("IOReadIOPSMax", "/srv 1.5K", "a(st) /srv 1500");
        expect_error("IOReadBandwidthMax", "/dev/sda", "/dev/sda 5M");
        expect_error("IOReadBandwidthMax", "sda 5M", "absolute");
        expect_error("IOReadBandwidthMax", "/dev/../sda 5M", "absolute");
        expect_error("IOReadBandwidthMax", "/dev/sda 0", "not a rate");
        expect("IODeviceWeight", "/dev/sda 200", "a(st) /dev/sda 200");
        expect_error("IODeviceWeight", "/dev/sda 0", "1 to 10000");
        expect("IODeviceLatencyTargetSec", "/dev/sda 25ms", "a(st) /dev/sda 25000");
        expect("DisableControllers", "cpu io", "as cpu io");
        expect_error("DisableControllers", "cpu gpu", "'gpu'");
        expect("DeviceAllow", "/dev/fuse rw", "a(ss) /dev/fuse rw");
        expect("DeviceAllow", "char-pts", "a(ss) char-pts rwm");
        expect("DeviceAllow", "/dev/fuse rw|block-* m|", "a(ss)");
        expect_error("DeviceAllow", "fuse", "below /dev/");
        expect_error("DeviceAllow", "/dev/fuse x", "r, w and m");
        expect("BPFProgram", "egress:/sys/fs/bpf/x", "a(ss) egress /sys/fs/bpf/x");
        expect_error("BPFProgram", "exit:/sys/fs/bpf/x", "'exit'");
        expect("IPIngressFilterPath", "/sys/fs/bpf/a|/sys/fs/bpf/b",
               "as /sys/fs/bpf/a /sys/fs/bpf/b");
}

static void test_words(void **state)
{
        expect("DevicePolicy", "strict", "s strict");
        expect_error("DevicePolicy", "open", "auto, closed or strict");
        expect("ManagedOOMSwap", "kill", "s kill");
        expect("Slice", "machine-web.slice", "s machine-web.slice");
        expect("Slice", "-.slice", "s -.slice");
        expect_error("Slice", "machine", "not the name of a slice");
        expect_error("Slice", ".slice", "not the name of a slice");
        expect_error("Slice", "a--b.slice", "not the name of a slice");
        expect_error("Slice", "a-.slice", "not the name of a slice");
        expect_error("Slice", "a%i.slice", "not the name of a slice");
        expect_error("Slice", "", "no empty value");
}

static void test_networks(void **state)
{
        expect("IPAddressAllow", "192.0.2.1", "a(iayu) 2:c0000201/32");
        expect("IPAddressAllow", "192.0.2.1/24 2001:db8::/32",
               "a(iayu) 2:c0000200/24 10:20010db8/32");
        expect("IPAddressDeny", "any", "a(iayu) 2:00000000/0 10:00000000/0");
        expect("IPAddressDeny", "localhost|link-local",
               "a(iayu) 2:7f000000/8 10:00000000/128 2:a9fe0000/16 10:fe800000/64");
        expect_error("IPAddressAllow", "192.0.2.1/33", "'192.0.2.1/33'");
        expect_error("IPAddressAllow", "192.0.2", "'192.0.2'");
        expect_error("IPAddressAllow", "example.com", "'example.com'");
        expect("SocketBindAllow", "any", "a(iiqq) 0,0,0,0");
        expect("SocketBindAllow", "443", "a(iiqq) 0,0,1,443");
        expect("SocketBindAllow", "ipv6:udp:10000-65535", "a(iiqq) 10,17,55536,10000");
        expect("SocketBindDeny", "tcp|ipv4", "a(iiqq) 0,6,0,0 2,0,0,0");
        expect_error("SocketBindDeny", "tcp:ipv4", "not a rule");
        expect_error("SocketBindDeny", "0", "1 to 65535");
        expect_error("SocketBindDeny", "tcp:", "not a rule");
        expect("RestrictNetworkInterfaces", "eth0 eth1|eth2", "(bas) allow eth0 eth1 eth2");
        expect("RestrictNetworkInterfaces", "~eth0 eth1|eth1", "(bas) deny eth0");
        expect_error("RestrictNetworkInterfaces", "an-interface-too-long", "'an-interface");
        expect("NFTSet", "cgroup:inet:filter:machines", "a(iiss) filter machines 0,1");
        expect_error("NFTSet", "cgroup:inet:filter", "cgroup:inet:filter:machines");
        expect_error("NFTSet", "cgroup:ipx:filter:m", "inet, ip, ip6");
}

static void test_unknown(void **state)
{
        _cleanup_resource_values_ ResourceValues all = RESOURCE_VALUES_NULL;
        Error error = ERROR_NULL;

        assert_true(resource_values_assign(&all, "MemroyMax", "1G", &error) < 0);
        assert_string_equal(error.message, "there is no resource key MemroyMax=");
        assert_string_equal(error.hint, "MemoryMax=");
        error_done(&error);
        assert_true(resource_values_assign(&all, "MemoryLimit", "1G", &error) < 0);
        assert_string_equal(error.hint, "MemoryMax=");
        error_done(&error);
        assert_true(resource_values_assign(&all, "Delegate", "no", &error) < 0);
        assert_non_null(strstr(error.message, "always delegated"));
        error_done(&error);
        assert_true(resource_values_assign(&all, "Weather", "fine", &error) < 0);
        assert_null(error.hint);
        error_done(&error);
}

static void test_properties(void **state)
{
        static const char *const cases[][3] = {
                { "MemoryMax", "1G", "MemoryMax" },
                { "MemoryMax", "50%", "MemoryMaxScale" },
                { "TasksMax", "50%", "TasksMaxScale" },
                { "CPUQuota", "50%", "CPUQuotaPerSecUSec" },
                { "ManagedOOMMemoryPressureLimit", "5%", "ManagedOOMMemoryPressureLimit" },
                { "IODeviceLatencyTargetSec", "/dev/sda 1s", "IODeviceLatencyTargetUSec" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_resource_value_ ResourceValue v = RESOURCE_VALUE_NULL;
                char buffer[64];

                assert_int_equal(resource_parse(resource_key(cases[i][0]), cases[i][1], &v, NULL),
                                 0);
                assert_string_equal(resource_property(&v, buffer, sizeof(buffer)), cases[i][2]);
        }
}

/* A value that cannot be read leaves the one before. */
static void test_untouched(void **state)
{
        _cleanup_resource_value_ ResourceValue v = RESOURCE_VALUE_NULL;
        const ResourceKey *key = resource_key("AllowedCPUs");

        assert_int_equal(resource_parse(key, "1", &v, NULL), 0);
        assert_true(resource_parse(key, "2 x", &v, NULL) < 0);
        assert_int_equal(v.n_bitmap, 1);
        assert_int_equal(v.bitmap[0], 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rows),      cmocka_unit_test(test_sizes),
                cmocka_unit_test(test_numbers),   cmocka_unit_test(test_lists),
                cmocka_unit_test(test_words),     cmocka_unit_test(test_networks),
                cmocka_unit_test(test_unknown),   cmocka_unit_test(test_properties),
                cmocka_unit_test(test_untouched),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
