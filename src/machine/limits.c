/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From typed values to the words of cgroup files. What a percentage is of, which of several files
 * is written and how values are clamped is as in systemd's cgroup.c. */

#include "machine/limits.h"

#include "base/fd.h"
#include "base/parse.h"
#include "os/block-device.h"
#include "os/cgroup.h"

#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>

#define CPU_PERIOD_DEFAULT_USEC 100000 /* the kernel's */
#define CPU_PERIOD_MIN_USEC 1000
#define CPU_PERIOD_MAX_USEC 1000000

static int read_number(int dirfd, const char *path, uint64_t *ret)
{
        _cleanup_free_ char *text = NULL;
        ssize_t n = read_file_at(dirfd, path, 64, &text);

        if (n < 0)
                return (int)n;
        text[strcspn(text, "\n")] = '\0';
        return parse_uint64(text, ret);
}

/* The limit that we live under ourselves, where the root of the hierarchy is not the host's. */
static void lower_to_root(const char *file, uint64_t *number)
{
        _cleanup_free_ char *path = NULL;
        const char *root;
        uint64_t limit;

        if (cgroup_mount_point(&root) < 0 || asprintf(&path, "%s/%s", root, file) < 0)
                return;
        if (read_number(AT_FDCWD, path, &limit) >= 0)
                *number = MIN_OF(*number, limit);
}

static uint64_t memory_total(void)
{
        uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
        uint64_t total = (uint64_t)sysconf(_SC_PHYS_PAGES) * page;

        lower_to_root("memory.max", &total);
        return total / page * page;
}

static uint64_t tasks_total(void)
{
        uint64_t total = UINT64_C(1) << 22, number; /* most that the kernel can number */

        if (read_number(AT_FDCWD, "/proc/sys/kernel/pid_max", &number) >= 0)
                total = MIN_OF(total, number);
        if (read_number(AT_FDCWD, "/proc/sys/kernel/threads-max", &number) >= 0)
                total = MIN_OF(total, number);
        lower_to_root("pids.max", &total);
        return total;
}

/* An amount in numbers: a percentage is one of what this host has. */
uint64_t limits_amount(const ResourceValue *v)
{
        uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

        if (v->form != RESOURCE_FORM_SCALE)
                return v->number;
        if (v->key->type == RESOURCE_TASKS)
                return MAX_OF(tasks_total() * v->permyriad / 10000, UINT64_C(1));
        return memory_total() / page * v->permyriad / 10000 * page;
}

static int write_text(int cgroup_fd, const char *file, Buffer *text)
{
        return buffer_error(text) < 0 ? -ENOMEM
                                      : write_file_at(cgroup_fd, file, text->data ?: "\n");
}

static int write_amount(int cgroup_fd, const ResourceValue *v)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        uint64_t number = limits_amount(v);

        if (number == RESOURCE_INFINITY)
                buffer_puts(&text, "max\n");
        else
                buffer_printf(&text, "%llu\n", (unsigned long long)number);
        return write_text(cgroup_fd, v->key->file, &text);
}

/* What is in cpu.max: microseconds of processor time in a second, and the period. */
static int read_cpu_max(int cgroup_fd, uint64_t *ret_quota, uint64_t *ret_period)
{
        _cleanup_free_ char *text = NULL;
        unsigned long long quota, period;
        ssize_t n = read_file_at(cgroup_fd, "cpu.max", 64, &text);

        if (n < 0)
                return (int)n;
        *ret_quota = RESOURCE_INFINITY;
        *ret_period = CPU_PERIOD_DEFAULT_USEC;
        if (sscanf(text, "max %llu", &period) == 1) {
                *ret_period = period;
        } else if (sscanf(text, "%llu %llu", &quota, &period) == 2 && period > 0) {
                *ret_quota = quota * USEC_PER_SEC / period;
                *ret_period = period;
        }
        return 0;
}

/* Quota or period; the other one stays. Neither period nor its share may be under a millisecond. */
static int write_cpu_max(int cgroup_fd, const ResourceValue *v)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        uint64_t quota = RESOURCE_INFINITY, period = CPU_PERIOD_DEFAULT_USEC;
        int r = read_cpu_max(cgroup_fd, &quota, &period);

        if (r < 0)
                return r;
        if (v->key->type == RESOURCE_TIME)
                period = v->number == RESOURCE_INFINITY ? CPU_PERIOD_DEFAULT_USEC : v->number;
        else
                quota = v->number;
        if (quota != RESOURCE_INFINITY && quota > 0)
                period = MAX_OF(period, CPU_PERIOD_MIN_USEC * USEC_PER_SEC / quota);
        period = MIN_OF(MAX_OF(period, (uint64_t)CPU_PERIOD_MIN_USEC),
                        (uint64_t)CPU_PERIOD_MAX_USEC);
        if (quota == RESOURCE_INFINITY)
                buffer_printf(&text, "max %llu\n", (unsigned long long)period);
        else
                buffer_printf(&text, "%llu %llu\n",
                              (unsigned long long)MAX_OF(quota * period / USEC_PER_SEC,
                                                         (uint64_t)CPU_PERIOD_MIN_USEC),
                              (unsigned long long)period);
        return write_text(cgroup_fd, "cpu.max", &text);
}

static int write_cpu_weight(int cgroup_fd, const ResourceValue *v)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        bool idle = v->number == 0;
        int r = write_file_at(cgroup_fd, "cpu.idle", idle ? "1\n" : "0\n");

        if (idle || (r < 0 && r != -ENOENT)) /* cpu.idle: since Linux 5.15 */
                return r;
        buffer_printf(&text, "%llu\n",
                      v->number == RESOURCE_INFINITY ? 100ULL : (unsigned long long)v->number);
        return write_text(cgroup_fd, "cpu.weight", &text);
}

/* BFQ counts from 1 to 1000 around the same normal of 100. */
static unsigned bfq_weight(uint64_t weight)
{
        return (unsigned)(weight <= 100 ? weight
                                        : 100 + (weight - 100) * (1000 - 100) / (10000 - 100));
}

/* Which of the two files works depends on the scheduler of the disk, so both get it. */
static int write_io_weights(int cgroup_fd, const char *device, uint64_t weight)
{
        _cleanup_buffer_ Buffer plain = BUFFER_NULL, bfq = BUFFER_NULL;
        int r, q;

        buffer_printf(&plain, "%s %llu\n", device, (unsigned long long)weight);
        buffer_printf(&bfq, "%s %u\n", device, bfq_weight(weight));
        r = write_text(cgroup_fd, "io.weight", &plain);
        q = write_text(cgroup_fd, "io.bfq.weight", &bfq);
        return r < 0 && q < 0 ? r : 0;
}

static int write_io_weight(int cgroup_fd, const ResourceValue *v)
{
        return write_io_weights(cgroup_fd, "default",
                                v->number == RESOURCE_INFINITY ? 100 : v->number);
}

const char *limits_io_word(const ResourceKey *key)
{
        static const struct {
                const char *key, *word;
        } words[] = {
                { "IOReadBandwidthMax", "rbps" },
                { "IOWriteBandwidthMax", "wbps" },
                { "IOReadIOPSMax", "riops" },
                { "IOWriteIOPSMax", "wiops" },
                { "IODeviceLatencyTargetSec", "target" },
        };

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (strcmp(words[i].key, key->name) == 0)
                        return words[i].word;
        return NULL;
}

static int write_device(int cgroup_fd, const ResourceKey *key, dev_t device, uint64_t number)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        char name[32];

        (void)snprintf(name, sizeof(name), "%u:%u", major(device), minor(device));
        if (key->type == RESOURCE_DEVICE_WEIGHT)
                return write_io_weights(cgroup_fd, name, number);
        if (number == RESOURCE_INFINITY)
                buffer_printf(&text, "%s %s=max\n", name, limits_io_word(key));
        else
                buffer_printf(&text, "%s %s=%llu\n", name, limits_io_word(key),
                              (unsigned long long)number);
        return write_text(cgroup_fd, key->file, &text);
}

/* Takes back what this key said about devices that are no longer in the list. */
static void reset_devices(int cgroup_fd, const ResourceKey *key)
{
        _cleanup_free_ char *text = NULL;
        char *line, *save = NULL;

        if (read_file_at(cgroup_fd, key->file, 65536, &text) < 0)
                return;
        for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                _cleanup_buffer_ Buffer reset = BUFFER_NULL;
                unsigned high, low;

                if (sscanf(line, "%u:%u ", &high, &low) != 2)
                        continue;
                if (key->type == RESOURCE_DEVICE_WEIGHT)
                        buffer_printf(&reset, "%u:%u default\n", high, low);
                else
                        buffer_printf(&reset, "%u:%u %s=max\n", high, low, limits_io_word(key));
                (void)write_text(cgroup_fd, key->file, &reset); /* the disk may be gone */
        }
}

static int write_devices(int cgroup_fd, const ResourceValue *v, Error *error)
{
        reset_devices(cgroup_fd, v->key);
        for (size_t i = 0; i < v->n_items; i++) {
                const ResourceItem *item = &v->items[i];
                dev_t device;
                int r = block_device_of(item->name, &device);

                if (r == -ENODEV)
                        return error_set(error, ENODEV, "%s=: there is no single disk behind '%s'",
                                         v->key->name, item->name);
                if (r < 0)
                        return error_errno(error, -r, "%s=: Failed to find the disk behind '%s'",
                                           v->key->name, item->name);
                r = write_device(cgroup_fd, v->key, device, item->number);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* An empty list means the parent's, but the kernel takes it only where no process is. */
static int write_all_of_parent(int cgroup_fd, const char *file)
{
        _cleanup_free_ char *text = NULL, *above = NULL;
        int r = write_file_at(cgroup_fd, file, "\n");

        if (r != -ENOSPC)
                return r;
        if (asprintf(&above, "../%s.effective", file) < 0) {
                above = NULL;
                return -ENOMEM;
        }
        r = (int)read_file_at(cgroup_fd, above, 4096, &text);
        return r < 0 ? r : write_file_at(cgroup_fd, file, text);
}

/* "0-3,6" */
static int write_cpu_list(int cgroup_fd, const ResourceValue *v)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        size_t bits = v->n_bitmap * 8;

        for (size_t i = 0; i < bits; i++) {
                size_t first = i;

                if (!(v->bitmap[i / 8] & 1 << i % 8))
                        continue;
                while (i + 1 < bits && v->bitmap[(i + 1) / 8] & 1 << (i + 1) % 8)
                        i++;
                buffer_printf(&text, "%s%zu", text.size > 0 ? "," : "", first);
                if (i > first)
                        buffer_printf(&text, "-%zu", i);
        }
        if (text.size == 0)
                return write_all_of_parent(cgroup_fd, v->key->file);
        buffer_puts(&text, "\n");
        return write_text(cgroup_fd, v->key->file, &text);
}

static int write_value(int cgroup_fd, const ResourceValue *v, Error *error)
{
        if (v->form == RESOURCE_FORM_DEVICES)
                return write_devices(cgroup_fd, v, error);
        if (v->form == RESOURCE_FORM_BITMAP)
                return write_cpu_list(cgroup_fd, v);
        if (strcmp(v->key->file, "cpu.max") == 0)
                return write_cpu_max(cgroup_fd, v);
        if (v->key->type == RESOURCE_CPU_WEIGHT)
                return write_cpu_weight(cgroup_fd, v);
        if (v->key->type == RESOURCE_WEIGHT)
                return write_io_weight(cgroup_fd, v);
        if (v->form == RESOURCE_FORM_BOOLEAN)
                return write_file_at(cgroup_fd, v->key->file, v->number ? "1\n" : "0\n");
        return write_amount(cgroup_fd, v);
}

/* A controller is missing here because the v2 hierarchy does not have it, or because a cgroup above
 * does not hand it down. */
static void hint_controller(const ResourceKey *key, Error *error)
{
        int n = (int)strcspn(key->file, ".");
        _cleanup_free_ char *path = NULL, *text = NULL;
        const char *root;
        char *word, *save = NULL;

        if (cgroup_mount_point(&root) < 0 || asprintf(&path, "%s/cgroup.controllers", root) < 0)
                return;
        if (read_file_at(AT_FDCWD, path, 4096, &text) < 0)
                return;
        for (word = strtok_r(text, " \n", &save); word; word = strtok_r(NULL, " \n", &save))
                if (strncmp(word, key->file, (size_t)n) == 0 && word[n] == '\0') {
                        error_hint(error,
                                   "start it from the root cgroup, or from one that it has alone "
                                   "and that has '%.*s' in cgroup.controllers",
                                   n, key->file);
                        return;
                }
        error_hint(error,
                   "cat /proc/cgroups; cgroup_no_v1=%.*s on the kernel's command line moves the "
                   "controller to the v2 hierarchy",
                   n, key->file);
}

int limits_write(int cgroup_fd, const ResourceValue *value, Error *error)
{
        const ResourceKey *key = value->key;
        int r;

        if (!key->file)
                return error_set(error, EOPNOTSUPP, "%s= needs systemd on the host", key->name);
        r = write_value(cgroup_fd, value, error);
        if (r >= 0 || (error && error->number != 0))
                return r;
        if (r == -ENOENT) {
                hint_controller(key, error);
                return error_set(
                        error, ENOENT,
                        "%s=: there is no %s here, the cgroup does not have its controller",
                        key->name, key->file);
        }
        return error_errno(error, -r, "Failed to set %s= in %s", key->name, key->file);
}

int limits_write_all(int cgroup_fd, const ResourceValues *values, Diagnostics *diagnostics)
{
        /* the period first: a quota is written as its share of it */
        for (int pass = 0; pass < 2; pass++)
                for (size_t i = 0; i < values->n; i++) {
                        _cleanup_error_ Error error = ERROR_NULL;
                        const ResourceValue *v = &values->items[i];
                        bool first = v->key->type == RESOURCE_TIME;
                        int r;

                        if (first != (pass == 0) || limits_write(cgroup_fd, v, &error) >= 0)
                                continue;
                        r = diagnostics_add(diagnostics, DIAGNOSTIC_WARNING, "[Resources]", &error);
                        if (r < 0)
                                return r;
                }
        return 0;
}
