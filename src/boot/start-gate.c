/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The gate of starts. Locks, since the kernel lets go of them however a launcher ends. */

#include "boot/start-gate.h"

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/parse.h"
#include "boot/notify.h"
#include "os/clock.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define LOOK_USEC (100 * 1000) /* only the first of the queue looks */

/* One more than processors, so that they have work while a machine waits for its disk. */
static unsigned parallel_of(const HostSettings *settings)
{
        long n = sysconf(_SC_NPROCESSORS_ONLN);

        if (settings->start_parallel > 0)
                return settings->start_parallel;
        return n > 0 ? (unsigned)n + 1 : 2;
}

static int open_lock(int directory_fd, const char *name)
{
        int fd = openat(directory_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY,
                        0600);

        return fd < 0 ? -errno : fd;
}

int start_gate_try(int directory_fd, unsigned parallel, bool alone, unsigned *ret_taken)
{
        _cleanup_close_ int slot = -EBADF;
        unsigned taken = 0;

        for (unsigned i = 0; i < parallel; i++) {
                _cleanup_close_ int fd = -EBADF;
                char name[16];

                (void)snprintf(name, sizeof(name), "%u", i);
                fd = open_lock(directory_fd, name);
                if (fd < 0)
                        return fd;
                if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                        if (errno != EWOULDBLOCK)
                                return -errno;
                        taken++;
                } else if (slot < 0) {
                        slot = TAKE_FD(fd);
                        if (!alone)
                                break;
                }
        }
        if (slot >= 0 && !(alone && taken > 0))
                return TAKE_FD(slot);
        *ret_taken = taken;
        return -EAGAIN;
}

/* "some avg10=1.23 avg60=..." in hundredths of a per cent; 0 where the kernel does not count. */
static unsigned read_pressure(int directory_fd, const char *file)
{
        _cleanup_free_ char *text = NULL;
        unsigned whole, hundredths;

        if (read_file_at(directory_fd, file, 4096, &text) < 0 ||
            sscanf(text, "some avg10=%u.%2u", &whole, &hundredths) != 2)
                return 0;
        return whole * 100 + hundredths;
}

const char *start_gate_pressure(int directory_fd, const HostSettings *settings)
{
        if (read_pressure(directory_fd, "memory") > settings->start_memory_pressure * 100)
                return "memory";
        if (read_pressure(directory_fd, "io") > settings->start_io_pressure * 100)
                return "io";
        if (read_pressure(directory_fd, "cpu") > settings->start_cpu_pressure * 100)
                return "cpu";
        return NULL;
}

static void say(const char *machine, unsigned taken, const char *pressure)
{
        (void)notify_send("STATUS=Machine %s waits for the start of %u other%s%s%s%s", machine,
                          taken, taken == 1 ? "" : "s", pressure ? ": the host is short of " : "",
                          pressure ?: "", pressure ? " (/etc/stead/stead.conf)" : "");
}

/* As the first of the queue. */
static int wait_for_slot(int directory_fd, const HostSettings *settings, const char *machine)
{
        _cleanup_close_ int pressure_fd =
                open("/proc/pressure", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        unsigned said = 0;

        for (;;) {
                const struct timespec pause = { .tv_nsec = LOOK_USEC * 1000L };
                const char *pressure = start_gate_pressure(pressure_fd, settings);
                unsigned taken;
                int r = start_gate_try(directory_fd, parallel_of(settings), pressure, &taken);

                if (r != -EAGAIN)
                        return r;
                if (said != taken)
                        say(machine, taken, pressure);
                said = taken;
                (void)nanosleep(&pause, NULL);
        }
}

static void load_settings(HostSettings *ret)
{
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        _cleanup_error_ Error error = ERROR_NULL;

        *ret = host_settings_default;
        if (host_settings_load(HOST_SETTINGS_PATH, ret, &diagnostics, &error) < 0)
                error_print(&error);
        diagnostics_print(&diagnostics, stderr); /* and go on with what could be read */
}

int start_gate_enter(const char *machine, uint64_t *ret_turn_usec)
{
        _cleanup_close_ int directory = -EBADF, queue = -EBADF;
        HostSettings settings;
        int r;

        load_settings(&settings);
        *ret_turn_usec = settings.start_turn * USEC_PER_SEC;
        if (mkdir_parents_at(AT_FDCWD, START_GATE_DIRECTORY, 0755) < 0)
                return -EBADF;
        directory = open(START_GATE_DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        queue = directory < 0 ? -errno : open_lock(directory, "queue");
        if (queue < 0)
                return -EBADF;
        if (flock(queue, LOCK_EX | LOCK_NB) < 0) {
                (void)notify_send("STATUS=Machine %s waits for the start of others", machine);
                do /* the kernel wakes one at a time, in the order in which they came */
                        r = flock(queue, LOCK_EX) < 0 ? -errno : 0;
                while (r == -EINTR);
                if (r < 0)
                        return -EBADF;
        }
        r = wait_for_slot(directory, &settings, machine);
        return r < 0 ? -EBADF : r;
}
