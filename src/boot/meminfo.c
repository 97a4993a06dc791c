/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Figures of control groups in the words of /proc/meminfo (proc(5), cgroup-v2.rst). */

#include "boot/meminfo.h"

#include "base/fd.h"
#include "os/cgroup-file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#define GROUPS_MAX 64 /* the way up ends at the root, which has no memory.current */
#define STAT_MAX 65536
#define STATS_PER_LINE 2

/* Lines that are figures of the machine's own: sums of lines of memory.stat, in bytes. Those that
 * are not listed tell of hardware or of the whole kernel, and stay the host's. */
static const struct {
        const char *key, *stats[STATS_PER_LINE];
} lines[] = {
        { "Buffers", {} }, /* not told apart */
        { "Cached", { "file" } },
        { "SwapCached", { "swapcached" } },
        { "Active", { "active_anon", "active_file" } },
        { "Inactive", { "inactive_anon", "inactive_file" } },
        { "Active(anon)", { "active_anon" } },
        { "Inactive(anon)", { "inactive_anon" } },
        { "Active(file)", { "active_file" } },
        { "Inactive(file)", { "inactive_file" } },
        { "Unevictable", { "unevictable" } },
        { "Mlocked", {} },
        { "Zswap", { "zswap" } },
        { "Zswapped", { "zswapped" } },
        { "Dirty", { "file_dirty" } },
        { "Writeback", { "file_writeback" } },
        { "AnonPages", { "anon" } },
        { "Mapped", { "file_mapped" } },
        { "Shmem", { "shmem" } },
        { "KReclaimable", { "slab_reclaimable" } },
        { "Slab", { "slab_reclaimable", "slab_unreclaimable" } },
        { "SReclaimable", { "slab_reclaimable" } },
        { "SUnreclaim", { "slab_unreclaimable" } },
        { "KernelStack", { "kernel_stack" } },
        { "PageTables", { "pagetables" } },
        { "SecPageTables", { "sec_pagetables" } },
        { "Percpu", { "percpu" } },
        { "AnonHugePages", { "anon_thp" } },
        { "ShmemHugePages", { "shmem_thp" } },
        { "ShmemPmdMapped", {} },
        { "FileHugePages", { "file_thp" } },
        { "FilePmdMapped", {} },
};

typedef struct Memory {
        uint64_t total, free, available, swap_total, swap_free; /* bytes */
} Memory;

/* The group above; -ENOENT at the root. Takes @cgroup_fd. */
static int parent_consume(int cgroup_fd)
{
        _cleanup_close_ int fd = cgroup_fd;
        int parent = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

        if (parent < 0)
                return -errno;
        if (faccessat(parent, "memory.current", F_OK, 0) >= 0)
                return parent;
        (void)close(parent);
        return -ENOENT;
}

static int first_above(int payload_fd)
{
        int fd = fcntl(payload_fd, F_DUPFD_CLOEXEC, 3);

        return fd < 0 ? -errno : parent_consume(fd);
}

MemoryUse memory_use(int payload_fd)
{
        MemoryUse use = { .limit = MEMORY_NO_LIMIT,
                          .used = cgroup_read_number(payload_fd, "memory.current") };
        int fd = first_above(payload_fd);

        for (unsigned i = 0; fd >= 0 && i < GROUPS_MAX; i++) {
                uint64_t max = cgroup_read_number(fd, "memory.max");

                if (max != CGROUP_NO_NUMBER) {
                        use.limit = MIN_OF(use.limit, max);
                        use.used += cgroup_read_number(fd, "memory.current");
                }
                fd = parent_consume(fd);
        }
        closep(&fd);
        return use;
}

static uint64_t less(uint64_t a, uint64_t b)
{
        return a > b ? a - b : 0;
}

/* Of a line of memory.stat; what a kernel does not count is 0. */
static uint64_t stat_number(const char *stat, const char *key)
{
        uint64_t n = key ? cgroup_keyed_number(stat, key) : 0;

        return n == CGROUP_NO_NUMBER ? 0 : n;
}

/* What one group leaves. Page cache and some slab of a group are given up for new pages, so they
 * are available, as the kernel counts them in its own MemAvailable. */
static void narrow(int fd, Memory *m)
{
        uint64_t max = cgroup_read_number(fd, "memory.max");
        uint64_t swap_max = cgroup_read_number(fd, "memory.swap.max");

        if (swap_max != CGROUP_NO_NUMBER) {
                uint64_t swap = cgroup_read_number(fd, "memory.swap.current");

                m->swap_total = MIN_OF(m->swap_total, swap_max);
                m->swap_free = MIN_OF(m->swap_free, less(swap_max, swap));
        }
        if (max != CGROUP_NO_NUMBER) {
                _cleanup_free_ char *stat = NULL;
                uint64_t left = less(max, cgroup_read_number(fd, "memory.current"));

                m->total = MIN_OF(m->total, max);
                m->free = MIN_OF(m->free, left);
                if (read_file_at(fd, "memory.stat", STAT_MAX, &stat) >= 0)
                        left += stat_number(stat, "active_file") +
                                stat_number(stat, "inactive_file") +
                                stat_number(stat, "slab_reclaimable");
                m->available = MIN_OF(m->available, left);
        }
}

/* The value of a line of meminfo in bytes; UINT64_MAX without such a line. */
static uint64_t host_number(const char *host, const char *key)
{
        size_t n = strlen(key);
        uint64_t kib;

        for (const char *line = host; line && *line; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (strncmp(line, key, n) == 0 && line[n] == ':' &&
                    sscanf(line + n + 1, "%" SCNu64, &kib) == 1)
                        return kib * 1024;
        }
        return UINT64_MAX;
}

/* The new value of a line, or UINT64_MAX to keep it. */
static uint64_t machine_number(const Memory *m, const char *stat, const char *key, size_t size)
{
        const struct {
                const char *key;
                uint64_t value;
        } sums[] = {
                { "MemTotal", m->total },         { "MemFree", m->free },
                { "MemAvailable", m->available }, { "SwapTotal", m->swap_total },
                { "SwapFree", m->swap_free },
        };

        for (size_t i = 0; i < ELEMENTSOF(sums); i++)
                if (strncmp(sums[i].key, key, size) == 0 && sums[i].key[size] == '\0')
                        return sums[i].value;
        for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
                uint64_t sum = 0;

                if (strncmp(lines[i].key, key, size) != 0 || lines[i].key[size] != '\0')
                        continue;
                for (size_t k = 0; k < STATS_PER_LINE; k++)
                        sum += stat_number(stat, lines[i].stats[k]);
                return sum;
        }
        return UINT64_MAX;
}

/* Replaces the number where it stands, so that the text keeps its length from one time to the next:
 * it is rewritten under the eyes of its readers. */
static void append_line(Buffer *b, const char *line, size_t size, const Memory *m, const char *stat)
{
        const char *colon = memchr(line, ':', size);
        size_t begin, end;
        uint64_t value;

        if (!colon) {
                buffer_append(b, line, size);
                return;
        }
        begin = end = (size_t)(colon - line) + 1;
        value = machine_number(m, stat, line, begin - 1);
        while (end < size && line[end] == ' ')
                end++;
        while (end < size && isdigit((unsigned char)line[end]))
                end++;
        buffer_append(b, line, begin);
        if (value == UINT64_MAX)
                buffer_append(b, line + begin, end - begin);
        else
                buffer_printf(b, "%*" PRIu64, (int)(end - begin), value / 1024);
        buffer_append(b, line + end, size - end);
}

int meminfo_make(const char *host, int payload_fd, Buffer *ret)
{
        _cleanup_free_ char *stat = NULL;
        uint64_t total = host_number(host, "MemTotal"), swap = host_number(host, "SwapFree");
        Memory m = {
                .total = total,
                .free = UINT64_MAX,
                .available = host_number(host, "MemAvailable"),
                .swap_total = host_number(host, "SwapTotal"),
                .swap_free = swap,
        };
        int fd = first_above(payload_fd);

        if (total == UINT64_MAX) {
                closep(&fd);
                return -EBADMSG;
        }
        for (unsigned i = 0; fd >= 0 && i < GROUPS_MAX; i++) {
                narrow(fd, &m);
                fd = parent_consume(fd);
        }
        closep(&fd);
        if (m.total >= total || read_file_at(payload_fd, "memory.stat", STAT_MAX, &stat) < 0) {
                buffer_puts(ret, host);
                return buffer_error(ret);
        }
        m.available = MIN_OF(m.available, m.total);
        m.free = MIN_OF(m.free, m.available);
        for (const char *line = host; *line;) {
                size_t size = strcspn(line, "\n");

                size += line[size] == '\n';
                append_line(ret, line, size, &m, stat);
                line += size;
        }
        return buffer_error(ret);
}
