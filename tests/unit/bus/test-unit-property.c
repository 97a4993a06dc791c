/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Properties on the bus: name, signature and content of each form as systemctl writes them, read
 * back from the sealed message. */

#include "../unit.h"
#include "base/buffer.h"
#include "bus/connection.h"
#include "bus/unit-property.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A bus that only makes messages: its peer never speaks. */
typedef struct World {
        sd_bus *bus;
        int peer;
} World;

static int set_up(void **state)
{
        World *w = calloc(1, sizeof(World));
        int fds[2];

        assert_non_null(w);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        assert_true(sd_bus_new(&w->bus) >= 0);
        assert_true(sd_bus_set_fd(w->bus, fds[0], fds[0]) >= 0);
        assert_true(sd_bus_start(w->bus) >= 0);
        w->peer = fds[1];
        *state = w;
        return 0;
}

static int tear_down(void **state)
{
        World *w = *state;

        sd_bus_close_unref(w->bus);
        (void)close(w->peer);
        free(w);
        return 0;
}

static void describe(sd_bus_message *m, Buffer *out);

static void describe_basic(sd_bus_message *m, char type, Buffer *out)
{
        union {
                uint8_t y;
                int b;
                int32_t i;
                uint32_t u;
                uint16_t q;
                uint64_t t;
                const char *s;
        } v;

        assert_true(sd_bus_message_read_basic(m, type, &v) > 0);
        switch (type) {
        case 'y':
                buffer_printf(out, "%02x", (unsigned)v.y);
                break;
        case 'b':
                buffer_puts(out, v.b ? "true" : "false");
                break;
        case 'i':
                buffer_printf(out, "%d", v.i);
                break;
        case 'u':
                buffer_printf(out, "%u", v.u);
                break;
        case 'q':
                buffer_printf(out, "%u", (unsigned)v.q);
                break;
        case 't':
                if (v.t == UINT64_MAX)
                        buffer_puts(out, "max");
                else
                        buffer_printf(out, "%llu", (unsigned long long)v.t);
                break;
        default:
                buffer_puts(out, v.s);
        }
}

static void describe_container(sd_bus_message *m, char type, const char *contents, Buffer *out)
{
        static const char open[] = "a[r(v<", close[] = "a]r)v>";

        assert_true(sd_bus_message_enter_container(m, type, contents) > 0);
        if (type == 'v')
                buffer_printf(out, "%s ", contents);
        else
                buffer_append(out, strchr(open, type) + 1, 1);
        describe(m, out);
        if (type != 'v')
                buffer_append(out, strchr(close, type) + 1, 1);
        assert_true(sd_bus_message_exit_container(m) > 0);
}

static void describe(sd_bus_message *m, Buffer *out)
{
        for (bool first = true;; first = false) {
                const char *contents;
                char type;

                if (sd_bus_message_at_end(m, false) ||
                    sd_bus_message_peek_type(m, &type, &contents) <= 0)
                        return;
                if (!first)
                        buffer_puts(out, " ");
                if (strchr("arv", type))
                        describe_container(m, type, contents, out);
                else
                        describe_basic(m, type, out);
        }
}

/* What "NAME=VALUE" becomes: "[(NAME SIGNATURE CONTENT)]". */
static void expect(World *w, const char *assignment, const char *expected)
{
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_message_ sd_bus_message *m = NULL;
        _cleanup_buffer_ Buffer text = BUFFER_NULL;

        assert_true(sd_bus_message_new_signal(w->bus, &m, "/x", "x.y", "Z") >= 0);
        assert_true(sd_bus_message_open_container(m, 'a', "(sv)") >= 0);
        if (unit_property_append(m, assignment, &error) < 0)
                fail_msg("%s: %s", assignment, error.message);
        assert_int_equal(unit_property_check(assignment, NULL), 0);
        assert_true(sd_bus_message_close_container(m) >= 0);
        assert_true(sd_bus_message_seal(m, 1, 0) >= 0);
        assert_true(sd_bus_message_rewind(m, true) >= 0);
        describe(m, &text);
        assert_string_equal(text.data, expected);
}

static void test_forms(void **state)
{
        expect(*state, "MemoryMax=1G", "[(MemoryMax t 1073741824)]");
        expect(*state, "MemoryMax=infinity", "[(MemoryMax t max)]");
        expect(*state, "MemoryMax=", "[(MemoryMax t max)]");
        expect(*state, "MemoryMin=", "[(MemoryMin t 0)]");
        expect(*state, "MemoryMax=50%", "[(MemoryMaxScale u 2147483648)]");
        expect(*state, "TasksMax=10%", "[(TasksMaxScale u 429496730)]");
        expect(*state, "TasksMax=100", "[(TasksMax t 100)]");
        expect(*state, "CPUQuota=150%", "[(CPUQuotaPerSecUSec t 1500000)]");
        expect(*state, "CPUQuota=", "[(CPUQuotaPerSecUSec t max)]");
        expect(*state, "CPUQuotaPeriodSec=10ms", "[(CPUQuotaPeriodUSec t 10000)]");
        expect(*state, "CPUWeight=idle", "[(CPUWeight t 0)]");
        expect(*state, "CPUWeight=", "[(CPUWeight t max)]");
        expect(*state, "MemoryAccounting=yes", "[(MemoryAccounting b true)]");
        expect(*state, "AllowedCPUs=0-1,9", "[(AllowedCPUs ay [03 02])]");
        expect(*state, "AllowedCPUs=", "[(AllowedCPUs ay [])]");
        expect(*state, "ManagedOOMMemoryPressure=kill", "[(ManagedOOMMemoryPressure s kill)]");
        expect(*state, "ManagedOOMMemoryPressureLimit=100%",
               "[(ManagedOOMMemoryPressureLimit u 4294967295)]");
        expect(*state, "Slice=machine-web.slice", "[(Slice s machine-web.slice)]");
}

static void test_lists(void **state)
{
        expect(*state, "IOReadBandwidthMax=/dev/vda 5M",
               "[(IOReadBandwidthMax a(st) [(/dev/vda 5000000)])]");
        expect(*state, "IOReadBandwidthMax=", "[(IOReadBandwidthMax a(st) [])]");
        expect(*state, "IODeviceWeight=/dev/vda 200", "[(IODeviceWeight a(st) [(/dev/vda 200)])]");
        expect(*state, "IODeviceLatencyTargetSec=/dev/vda 25ms",
               "[(IODeviceLatencyTargetUSec a(st) [(/dev/vda 25000)])]");
        expect(*state, "DeviceAllow=/dev/fuse rw", "[(DeviceAllow a(ss) [(/dev/fuse rw)])]");
        expect(*state, "DeviceAllow=char-pts", "[(DeviceAllow a(ss) [(char-pts rwm)])]");
        expect(*state, "IPAddressAllow=10.0.0.0/8 ::1",
               "[(IPAddressAllow a(iayu) [(2 [0a 00 00 00] 8) (10 [00 00 00 00 00 00 00 00 00 00 "
               "00 "
               "00 00 00 00 01] 128)])]");
        expect(*state, "IPAddressDeny=", "[(IPAddressDeny a(iayu) [])]");
        expect(*state, "DisableControllers=cpu io", "[(DisableControllers as [cpu io])]");
        expect(*state, "SocketBindDeny=ipv4:tcp:80-81", "[(SocketBindDeny a(iiqq) [(2 6 2 80)])]");
        expect(*state, "RestrictNetworkInterfaces=~eth0",
               "[(RestrictNetworkInterfaces (bas) (false [eth0]))]");
        expect(*state, "BPFProgram=egress:/sys/fs/bpf/x",
               "[(BPFProgram a(ss) [(egress /sys/fs/bpf/x)])]");
        expect(*state, "IPIngressFilterPath=/sys/fs/bpf/x",
               "[(IPIngressFilterPath as [/sys/fs/bpf/x])]");
}

static void test_general(void **state)
{
        expect(*state, "Description=My web server", "[(Description s My web server)]");
        expect(*state, "After=a.service b.service", "[(After as [a.service b.service])]");
        expect(*state, "KillSignal=SIGRTMIN+3", "[(KillSignal i 37)]");
        expect(*state, "SendSIGHUP=yes", "[(SendSIGHUP b true)]");
        expect(*state, "TimeoutStopSec=1min 30s", "[(TimeoutStopUSec t 90000000)]");
        expect(*state, "RuntimeMaxSec=infinity", "[(RuntimeMaxUSec t max)]");
        expect(*state, "CollectMode=inactive-or-failed", "[(CollectMode s inactive-or-failed)]");
        expect(*state, "Delegate=yes", "[(Delegate b true)]");
}

/* Every key of the table comes out under the name and the signature that the table promises. */
static void test_every_key_has_a_form(void **state)
{
        World *w = *state;

        for (size_t i = 0; i < resource_key_count; i++) {
                _cleanup_message_ sd_bus_message *m = NULL;
                _cleanup_free_ char *empty = NULL;

                assert_true(asprintf(&empty, "%s=", resource_keys[i].name) > 0);
                if (unit_property_check(empty, NULL) < 0)
                        continue; /* a key without an empty value */
                assert_true(sd_bus_message_new_signal(w->bus, &m, "/x", "x.y", "Z") >= 0);
                assert_true(sd_bus_message_open_container(m, 'a', "(sv)") >= 0);
                assert_int_equal(unit_property_append(m, empty, NULL), 0);
                assert_true(sd_bus_message_close_container(m) >= 0);
                assert_true(sd_bus_message_seal(m, 1, 0) >= 0);
        }
}

static void refuse(const char *assignment, const char *message, const char *hint)
{
        _cleanup_error_ Error error = ERROR_NULL;

        assert_true(unit_property_check(assignment, &error) < 0);
        if (!strstr(error.message, message))
                fail_msg("%s: '%s' does not say '%s'", assignment, error.message, message);
        if (hint && (!error.hint || !strstr(error.hint, hint)))
                fail_msg("%s: hint '%s', not '%s'", assignment, error.hint, hint);
}

static void test_refused(void **state)
{
        (void)state;
        refuse("MemoryMx=1G", "did you mean 'MemoryMax'", "man systemd.resource-control");
        refuse("Descripton=x", "did you mean 'Description'", NULL);
        refuse("ExecStart=/bin/sh", "has no property 'ExecStart'", "man systemd.resource-control");
        refuse("MemoryMax", "not NAME=VALUE", "MemoryMax=1G");
        refuse("=1", "not NAME=VALUE", NULL);
        refuse("MemoryMax=lots", "MemoryMax=lots", NULL);
        refuse("KillMode=gently", "there is no such value", "control-group mixed");
        refuse("KillSignal=SIGNONE", "no signal", NULL);
        refuse("SendSIGHUP=perhaps", "yes or no", NULL);
        refuse("TimeoutStopSec=soon", "not a time span", NULL);
        refuse("After=\"a", "quote", NULL);
        refuse("Delegate=no", "always delegated", NULL);
        refuse("MemoryLimit=1G", "old cgroup hierarchy", "MemoryMax=");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_forms, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_lists, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_general, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_every_key_has_a_form, set_up, tear_down),
                cmocka_unit_test(test_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
