/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is written for each resource key. The files are plain ones here; that the kernel does what
 * they say is shown by the tests in virtual machines. */

#include "../world.h"

#include "config/resource-format.h"
#include "machine/limits.h"
#include "os/block-device.h"

#include <sys/sysmacros.h>

#define CGROUP "/run/cgroup"

static int open_cgroup(void)
{
        static const char *const files[][2] = {
                { "memory.max", "max\n" }, { "memory.high", "max\n" },
                { "memory.low", "0\n" },   { "memory.swap.max", "max\n" },
                { "pids.max", "max\n" },   { "cpu.max", "max 100000\n" },
                { "cpu.weight", "100\n" }, { "cpu.idle", "0\n" },
                { "io.max", "" },          { "io.weight", "default 100\n" },
                { "cpuset.cpus", "\n" },   { "cpuset.mems", "\n" },
        };
        int fd;

        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                char path[64];

                (void)snprintf(path, sizeof(path), CGROUP "/%s", files[i][0]);
                world_put("", path, files[i][1], 0644);
        }
        fd = open(CGROUP, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        return fd;
}

/* The first line: a write to a plain file leaves the end of what was longer. */
static void expect_file(int fd, const char *file, const char *expected)
{
        _cleanup_free_ char *text = NULL;

        assert_true(read_file_at(fd, file, 4096, &text) >= 0);
        text[strcspn(text, "\n")] = '\0';
        if (strcmp(text, expected) != 0)
                fail_msg("%s: '%s', not '%s'", file, text, expected);
}

static void set(int fd, const char *key, const char *value)
{
        _cleanup_resource_value_ ResourceValue v = RESOURCE_VALUE_NULL;
        _cleanup_error_ Error error = ERROR_NULL;

        assert_int_equal(resource_parse(resource_key(key), value, &v, &error), 0);
        if (limits_write(fd, &v, &error) < 0)
                fail_msg("%s=%s: %s", key, value, error.message);
}

static void expect_error(int fd, const char *key, const char *value, int number, const char *words)
{
        _cleanup_resource_value_ ResourceValue v = RESOURCE_VALUE_NULL;
        _cleanup_error_ Error error = ERROR_NULL;

        assert_int_equal(resource_parse(resource_key(key), value, &v, NULL), 0);
        assert_int_equal(limits_write(fd, &v, &error), -number);
        if (!strstr(error.message, words))
                fail_msg("'%s' has no '%s'", error.message, words);
}

static void test_amounts(void **state)
{
        _cleanup_close_ int fd = open_cgroup();
        uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
        unsigned long long half = (uint64_t)sysconf(_SC_PHYS_PAGES) / 2 * page, written;
        _cleanup_free_ char *text = NULL;

        set(fd, "MemoryMax", "512M");
        expect_file(fd, "memory.max", "536870912");
        set(fd, "MemoryMax", "infinity");
        expect_file(fd, "memory.max", "max");
        set(fd, "MemoryLow", "1G");
        expect_file(fd, "memory.low", "1073741824");
        set(fd, "MemorySwapMax", "0");
        expect_file(fd, "memory.swap.max", "0");
        set(fd, "TasksMax", "99");
        expect_file(fd, "pids.max", "99");
        set(fd, "MemoryHigh", "50%");
        assert_true(read_file_at(fd, "memory.high", 64, &text) > 0);
        written = strtoull(text, NULL, 10);
        assert_true(written > 0 && written <= half && written % page == 0);
}

static void test_cpu(void **state)
{
        _cleanup_close_ int fd = open_cgroup();

        set(fd, "CPUQuota", "150%");
        expect_file(fd, "cpu.max", "150000 100000");
        set(fd, "CPUQuotaPeriodSec", "10ms");
        expect_file(fd, "cpu.max", "15000 10000");
        set(fd, "CPUQuotaPeriodSec", "10s"); /* the kernel takes no more than a second */
        expect_file(fd, "cpu.max", "1500000 1000000");
        set(fd, "CPUQuota", "");
        expect_file(fd, "cpu.max", "max 1000000");
        set(fd, "CPUQuotaPeriodSec", "1us");
        expect_file(fd, "cpu.max", "max 1000");
        set(fd, "CPUQuota", "1%"); /* its share is at least a millisecond */
        expect_file(fd, "cpu.max", "1000 100000");
        set(fd, "CPUWeight", "250");
        expect_file(fd, "cpu.weight", "250");
        set(fd, "CPUWeight", "idle");
        expect_file(fd, "cpu.idle", "1");
        expect_file(fd, "cpu.weight", "250");
        set(fd, "CPUWeight", "90");
        expect_file(fd, "cpu.idle", "0");
        set(fd, "AllowedCPUs", "0 2-4 9");
        expect_file(fd, "cpuset.cpus", "0,2-4,9");
        set(fd, "AllowedMemoryNodes", "0");
        expect_file(fd, "cpuset.mems", "0");
}

static void test_disks(void **state)
{
        _cleanup_close_ int fd = open_cgroup();
        char expected[64];
        dev_t device;

        set(fd, "IOWeight", "200");
        expect_file(fd, "io.weight", "default 200");
        expect_error(fd, "IOReadBandwidthMax", "/proc 1M", ENODEV, "no single disk behind '/proc'");
        expect_error(fd, "IOReadBandwidthMax", "/missing 1M", ENOENT, "'/missing'");
        if (block_device_of("/usr", &device) < 0)
                return; /* this system has no disk */
        set(fd, "IOReadBandwidthMax", "/usr 5M");
        (void)snprintf(expected, sizeof(expected), "%u:%u rbps=5000000", major(device),
                       minor(device));
        expect_file(fd, "io.max", expected);
}

static void test_missing(void **state)
{
        _cleanup_close_ int fd = open_cgroup();

        expect_error(fd, "IPAddressDeny", "any", EOPNOTSUPP, "needs systemd");
        assert_int_equal(unlinkat(fd, "pids.max", 0), 0);
        expect_error(fd, "TasksMax", "1", ENOENT, "does not have its controller");
}

static void test_all(void **state)
{
        static const char *const given[][2] = {
                { "CPUQuota", "50%" }, { "CPUQuotaPeriodSec", "20ms" }, { "IPAccounting", "yes" },
                { "MemoryMax", "1G" }, { "MemoryZSwapMax", "10M" },
        };
        _cleanup_close_ int fd = open_cgroup();
        _cleanup_resource_values_ ResourceValues all = RESOURCE_VALUES_NULL;
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;

        for (size_t i = 0; i < ELEMENTSOF(given); i++)
                assert_int_equal(resource_values_assign(&all, given[i][0], given[i][1], NULL), 0);
        assert_int_equal(limits_write_all(fd, &all, &diagnostics), 0);
        expect_file(fd, "cpu.max", "10000 20000");
        expect_file(fd, "memory.max", "1073741824");
        assert_int_equal(diagnostics.n, 2); /* IPAccounting=, MemoryZSwapMax= */
        assert_int_equal(diagnostics.n_errors, 0);
        assert_non_null(strstr(diagnostics.items[0].message, "IPAccounting="));
        assert_non_null(strstr(diagnostics.items[1].message, "memory.zswap.max"));
}

/* What the kernel would show in a file, as the value of a key. */
static void expect_read(int fd, const char *key, const char *file, const char *text,
                        const char *expected)
{
        _cleanup_resource_value_ ResourceValue v = RESOURCE_VALUE_NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_buffer_ Buffer out = BUFFER_NULL;

        assert_int_equal(write_file_atomic_at(fd, file, text, 0644), 0);
        if (limits_read(fd, resource_key(key), &v, &error) < 0)
                fail_msg("%s: %s", key, error.message);
        resource_format(&v, &out);
        if (strcmp(out.data ?: "", expected) != 0)
                fail_msg("%s of '%s': '%s', not '%s'", key, text, out.data, expected);
}

static void test_reading(void **state)
{
        static const char io_max[] = "8:0 rbps=5000000 wbps=max riops=max wiops=100\n"
                                     "8:16 rbps=max wbps=1024 riops=7 wiops=max\n";
        _cleanup_resource_value_ ResourceValue v = RESOURCE_VALUE_NULL;
        _cleanup_close_ int fd = open_cgroup();

        expect_read(fd, "MemoryMax", "memory.max", "536870912\n", "512M");
        expect_read(fd, "MemoryMax", "memory.max", "max\n", "infinity");
        expect_read(fd, "TasksMax", "pids.max", "100\n", "100");
        expect_read(fd, "CPUQuota", "cpu.max", "50000 100000\n", "50%");
        expect_read(fd, "CPUQuota", "cpu.max", "max 100000\n", "infinity");
        expect_read(fd, "CPUQuotaPeriodSec", "cpu.max", "max 100000\n", "100ms");
        expect_read(fd, "CPUWeight", "cpu.weight", "300\n", "300");
        expect_read(fd, "CPUWeight", "cpu.idle", "1\n", "idle");
        expect_read(fd, "AllowedCPUs", "cpuset.cpus", "0-2,5\n", "0-2,5");
        expect_read(fd, "AllowedCPUs", "cpuset.cpus", "\n", "");
        expect_read(fd, "IOWeight", "io.weight", "default 200\n8:0 300\n", "200");
        expect_read(fd, "IODeviceWeight", "io.weight", "default 200\n8:0 300\n",
                    "/dev/block/8:0 300");
        expect_read(fd, "IOReadBandwidthMax", "io.max", io_max, "/dev/block/8:0 5M");
        expect_read(fd, "IOWriteBandwidthMax", "io.max", io_max, "/dev/block/8:16 1024");
        expect_read(fd, "IOReadIOPSMax", "io.max", io_max, "/dev/block/8:16 7");
        expect_read(fd, "IOWriteIOPSMax", "io.max", io_max, "/dev/block/8:0 100");
        assert_int_equal(limits_read(fd, resource_key("IPAddressDeny"), &v, NULL), -ENODATA);
        assert_int_equal(limits_read(fd, resource_key("IODeviceLatencyTargetSec"), &v, NULL),
                         -ENODATA);
}

/* What was written is read back as the same, also if it was a percentage. */
static void test_there_and_back(void **state)
{
        static const char *const given[][2] = {
                { "MemoryMax", "50%" }, { "TasksMax", "10%" },      { "CPUQuota", "30%" },
                { "CPUWeight", "77" },  { "AllowedCPUs", "0-1,3" },
        };

        for (size_t i = 0; i < ELEMENTSOF(given); i++) {
                _cleanup_close_ int fd = open_cgroup();
                const ResourceKey *key = resource_key(given[i][0]);
                _cleanup_resource_value_ ResourceValue v = RESOURCE_VALUE_NULL,
                                                       back = RESOURCE_VALUE_NULL;
                _cleanup_buffer_ Buffer before = BUFFER_NULL, after = BUFFER_NULL;

                assert_int_equal(write_file_atomic_at(fd, key->file, "", 0644), 0);
                assert_int_equal(resource_parse(key, given[i][1], &v, NULL), 0);
                assert_int_equal(limits_write(fd, &v, NULL), 0);
                assert_int_equal(limits_read(fd, key, &back, NULL), 0);
                assert_int_equal(limits_resolve(&v, true), 0);
                resource_format(&v, &before);
                resource_format(&back, &after);
                assert_string_equal(after.data, before.data);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_amounts),
                cmocka_unit_test(test_cpu),
                cmocka_unit_test(test_disks),
                cmocka_unit_test(test_missing),
                cmocka_unit_test(test_all),
                cmocka_unit_test(test_reading),
                cmocka_unit_test(test_there_and_back),
        };
        int r = world_enter();

        return r != 0 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
