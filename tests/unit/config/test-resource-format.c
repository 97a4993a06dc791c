/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values back to words: equal for what means the same, and to be parsed again. */

#include "../unit.h"
#include "config/resource-format.h"

#include <string.h>

/* Values of one key, separated by '|', given one after the other. */
static char *text_of(const char *key, const char *values)
{
        _cleanup_resource_values_ ResourceValues all = RESOURCE_VALUES_NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_buffer_ Buffer text = BUFFER_NULL;

        for (const char *p = values;; p++) {
                _cleanup_free_ char *value = strndup(p, strcspn(p, "|"));

                if (resource_values_assign(&all, key, value, &error) < 0)
                        fail_msg("%s=%s: %s", key, value, error.message);
                p += strlen(value);
                if (!*p)
                        break;
        }
        resource_format(&all.items[0], &text);
        return buffer_steal(&text);
}

static void expect(const char *key, const char *values, const char *expected)
{
        _cleanup_free_ char *text = text_of(key, values), *again = NULL;

        if (strcmp(text, expected) != 0)
                fail_msg("%s=%s: '%s', not '%s'", key, values, text, expected);
        if (strchr(text, ';') || (strcmp(key, "CPUQuota") == 0 && !strchr(text, '%')))
                return; /* a line for each; no word for it but an empty one */
        again = text_of(key, text);
        assert_string_equal(again, text);
}

static void test_numbers(void **state)
{
        (void)state;
        expect("MemoryMax", "536870912", "512M");
        expect("MemoryMax", "1.5G", "1536M");
        expect("MemoryMax", "1G 1B", "1073741825");
        expect("MemoryMax", "", "infinity");
        expect("MemoryMin", "0", "0");
        expect("MemoryMax", "12.34%", "12.34%");
        expect("MemoryMax", "12.5%", "12.5%");
        expect("MemoryMax", "50%", "50%");
        expect("TasksMax", "1000", "1000");
        expect("TasksMax", "infinity", "infinity");
        expect("CPUWeight", "idle", "idle");
        expect("CPUWeight", "", "100");
        expect("CPUQuota", "150%", "150%");
        expect("CPUQuota", "0.5%", "0.5%");
        expect("CPUQuota", "", "infinity");
        expect("CPUQuotaPeriodSec", "10ms", "10ms");
        expect("CPUQuotaPeriodSec", "1", "1s");
        expect("CPUQuotaPeriodSec", "1500us", "1500us");
        expect("MemoryAccounting", "on", "yes");
        expect("ManagedOOMMemoryPressureLimit", "33.3%", "33.3%");
        expect("Slice", "machine-web.slice", "machine-web.slice");
}

static void test_lists(void **state)
{
        (void)state;
        expect("AllowedCPUs", "3 0-1,2|7", "0-3,7");
        expect("AllowedCPUs", "", "");
        expect("IOReadBandwidthMax", "/dev/vda 5M", "/dev/vda 5M");
        expect("IOReadBandwidthMax", "/dev/vdb 1500|/dev/vda infinity",
               "/dev/vda infinity; /dev/vdb 1500");
        expect("IODeviceWeight", "/dev/vda 200", "/dev/vda 200");
        expect("IODeviceLatencyTargetSec", "/dev/vda 25ms", "/dev/vda 25ms");
        expect("DeviceAllow", "/dev/fuse", "/dev/fuse rwm");
        expect("IPAddressAllow", "192.168.1.1 10.0.0.0/8", "10.0.0.0/8 192.168.1.1/32");
        expect("IPAddressDeny", "any", "0.0.0.0/0 ::/0");
        expect("DisableControllers", "io cpu", "cpu io");
        expect("SocketBindDeny", "ipv6:udp:1-10", "ipv6:udp:1-10");
        expect("SocketBindDeny", "tcp", "tcp");
        expect("SocketBindDeny", "any", "any");
        expect("SocketBindDeny", "80", "80");
        expect("RestrictNetworkInterfaces", "~lo eth0", "~eth0 lo");
        expect("BPFProgram", "egress:/sys/fs/bpf/x", "egress:/sys/fs/bpf/x");
        expect("NFTSet", "cgroup:inet:filter:machines", "cgroup:inet:filter:machines");
}

/* Where the table has a default, it is what an empty value becomes. */
static void test_defaults(void **state)
{
        (void)state;
        for (size_t i = 0; i < resource_key_count; i++) {
                const char *value = resource_default(&resource_keys[i]);
                _cleanup_free_ char *empty = value ? text_of(resource_keys[i].name, "") : NULL;

                if (value && strcmp(value, empty) != 0)
                        fail_msg("%s: '%s', not '%s'", resource_keys[i].name, value, empty);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_numbers),
                cmocka_unit_test(test_lists),
                cmocka_unit_test(test_defaults),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
