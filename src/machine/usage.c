/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading the figures of a control group. */

#include "machine/usage.h"

#include "base/fd.h"
#include "base/strv.h"
#include "os/cgroup-file.h"
#include "os/clock.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#define FILE_MAX (1 << 20)
#define DEPTH_MAX 32 /* of groups below a machine; who hides deeper is not counted */

DEFINE_STRING_TABLE(pressure_kind, PressureKind, "cpu", "memory", "io");

/* "8:0 rbytes=1 wbytes=2 ...", one line a device, some of them empty. */
static void read_io(int dirfd, Usage *u)
{
        _cleanup_free_ char *text = NULL;
        _cleanup_strv_ char **words = NULL;

        if (read_file_at(dirfd, "io.stat", FILE_MAX, &text) < 0 ||
            strv_split(text, " \n", &words) < 0)
                return;
        u->io_read = u->io_written = 0;
        STRV_FOREACH (w, words) {
                uint64_t n;

                if (sscanf(*w, "rbytes=%" SCNu64, &n) == 1)
                        u->io_read += n;
                else if (sscanf(*w, "wbytes=%" SCNu64, &n) == 1)
                        u->io_written += n;
        }
}

/* "some avg10=0.00 avg60=...", and the same for "full" (of cpu since kernel 5.13). */
static void read_pressure(int dirfd, PressureKind kind, Pressure *ret)
{
        _cleanup_free_ char *text = NULL;
        const char *full;
        char file[32];

        (void)snprintf(file, sizeof(file), "%s.pressure", pressure_kind_to_string(kind));
        if (read_file_at(dirfd, file, 4096, &text) <= 0 ||
            sscanf(text, "some avg10=%lf", &ret->some) != 1)
                return;
        full = strstr(text, "full ");
        if (full)
                (void)sscanf(full, "full avg10=%lf", &ret->full); /* stays unknown */
}

/* The machine's own group carries the limit of its unit, too, so that it is seen inside. */
static void read_events(int unit_fd, int payload_fd, Usage *u)
{
        _cleanup_free_ char *all = NULL, *unit = NULL, *payload = NULL;
        uint64_t n;

        if (read_file_at(unit_fd, "memory.events", 4096, &all) < 0)
                return;
        u->oom_kills = cgroup_keyed_number(all, "oom_kill");
        if (read_file_at(unit_fd, "memory.events.local", 4096, &unit) < 0)
                return;
        u->oom_events = cgroup_keyed_number(unit, "oom");
        if (read_file_at(payload_fd, "memory.events.local", 4096, &payload) < 0)
                return;
        n = cgroup_keyed_number(payload, "oom");
        if (u->oom_events != USAGE_UNKNOWN && n != USAGE_UNKNOWN)
                u->oom_events += n;
}

/* Adds one process. One that is gone, or that we do not see, adds nothing. */
static void add_process(const char *pid, Usage *sum)
{
        _cleanup_free_ char *text = NULL;
        const char *line;
        char path[64];
        uint64_t n;

        (void)snprintf(path, sizeof(path), "/proc/%s/status", pid);
        if (read_file_at(AT_FDCWD, path, 65536, &text) <= 0)
                return;
        line = strstr(text, "\nRssAnon:"); /* a kernel thread or zombie has none */
        if (line && sscanf(line, " RssAnon: %" SCNu64, &n) == 1)
                sum->memory += n * 1024;
        line = strstr(text, "\nThreads:");
        if (line && sscanf(line, " Threads: %" SCNu64, &n) == 1)
                sum->tasks += n;
}

/* Sums the processes of a control group and of those below it. */
static void add_processes(int dirfd, unsigned depth, Usage *sum)
{
        _cleanup_closedir_ DIR *d = NULL;
        _cleanup_free_ char *text = NULL;
        _cleanup_strv_ char **pids = NULL;
        int fd;

        if (read_file_at(dirfd, "cgroup.procs", FILE_MAX, &text) > 0 &&
            strv_split(text, "\n", &pids) >= 0)
                STRV_FOREACH (p, pids)
                        add_process(*p, sum);
        fd = depth < DEPTH_MAX ? openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -EBADF;
        d = fd < 0 ? NULL : fdopendir(fd);
        for (struct dirent *e; d && (e = readdir(d));) {
                _cleanup_close_ int child = -EBADF;

                if (e->d_type != DT_DIR || e->d_name[0] == '.')
                        continue;
                child = openat(dirfd, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
                if (child >= 0)
                        add_processes(child, depth + 1, sum);
        }
}

static void read_without_controllers(int payload_fd, Usage *u)
{
        Usage sum = { .memory = 0, .tasks = 0 };

        if (u->memory != USAGE_UNKNOWN && u->tasks != USAGE_UNKNOWN)
                return;
        add_processes(payload_fd, 0, &sum);
        if (u->tasks == USAGE_UNKNOWN)
                u->tasks = sum.tasks;
        if (u->memory == USAGE_UNKNOWN) {
                u->memory = sum.memory;
                u->memory_summed = true;
        }
}

void usage_read_at(int unit_fd, int payload_fd, Usage *ret)
{
        _cleanup_free_ char *cpu = NULL;
        Usage u = USAGE_NULL;

        u.taken_usec = clock_now_usec();
        /* there without the controller, too */
        if (read_file_at(unit_fd, "cpu.stat", 65536, &cpu) >= 0)
                u.cpu_usec = cgroup_keyed_number(cpu, "usage_usec");
        u.memory = cgroup_read_number(unit_fd, "memory.current");
        u.memory_max = cgroup_read_number(unit_fd, "memory.max");
        u.swap = cgroup_read_number(unit_fd, "memory.swap.current");
        u.swap_max = cgroup_read_number(unit_fd, "memory.swap.max");
        u.tasks = cgroup_read_number(unit_fd, "pids.current");
        u.tasks_max = cgroup_read_number(unit_fd, "pids.max");
        read_events(unit_fd, payload_fd, &u);
        read_io(unit_fd, &u);
        for (PressureKind k = 0; k < _PRESSURE_KIND_MAX; k++)
                read_pressure(unit_fd, k, &u.pressure[k]);
        read_without_controllers(payload_fd, &u);
        *ret = u;
}

char *machine_unit_cgroup(const Machine *m)
{
        static const char payload[] = "/payload";
        size_t n = m->cgroup ? strlen(m->cgroup) : 0;

        if (n > strlen(payload) && strcmp(m->cgroup + n - strlen(payload), payload) == 0)
                n -= strlen(payload);
        return n > 0 ? strndup(m->cgroup, n) : NULL;
}

void usage_read(const Machine *m, Usage *ret)
{
        _cleanup_free_ char *unit = machine_unit_cgroup(m);
        _cleanup_close_ int unit_fd = unit ? open(unit, O_PATH | O_DIRECTORY | O_CLOEXEC) : -EBADF;
        _cleanup_close_ int payload_fd =
                unit_fd < 0 ? -EBADF : open(m->cgroup, O_PATH | O_DIRECTORY | O_CLOEXEC);

        *ret = USAGE_NULL;
        ret->taken_usec = clock_now_usec();
        if (payload_fd >= 0)
                usage_read_at(unit_fd, payload_fd, ret);
}

double usage_rate(const Usage *before, const Usage *now, uint64_t value_before, uint64_t value_now)
{
        uint64_t span = now->taken_usec - before->taken_usec;

        /* a machine that was started anew counts from zero */
        if (value_before == USAGE_UNKNOWN || value_now == USAGE_UNKNOWN ||
            value_now < value_before || now->taken_usec <= before->taken_usec)
                return -1;
        return (double)(value_now - value_before) * (double)USEC_PER_SEC / (double)span;
}

double usage_cpu_percent(const Usage *before, const Usage *now)
{
        double rate = usage_rate(before, now, before->cpu_usec, now->cpu_usec);

        return rate < 0 ? -1 : rate * 100 / (double)USEC_PER_SEC;
}
