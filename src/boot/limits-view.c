/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file that is shown as /proc/meminfo: made with the machine's file systems, rewritten by the
 * supervisor every other second.
 *
 * Being told when somebody opens it would not help him: the rewriting comes after his read, always.
 * Being asked for permission would, but then a supervisor that stands still keeps all readers
 * waiting. So it is the clock, and a file that is never older than REFRESH_USEC. */

#include "boot/limits-view.h"

#include "base/fd.h"
#include "base/parse.h"
#include "os/cgroup-file.h"
#include "os/clock.h"
#include "os/mount.h"
#include "os/namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#define FILE_NAME "meminfo"
#define HOST_FILE_MAX 65536
#define REFRESH_USEC (2 * USEC_PER_SEC)
#define LOOK_USEC (10 * USEC_PER_SEC) /* for a first limit, where the kernel does not tell */

void limits_view_done(LimitsView *v)
{
        closep(&v->payload_fd);
        closep(&v->file_fd);
        closep(&v->place_fd);
        closep(&v->mount_fd);
        closep(&v->watch_fd);
        *v = LIMITS_VIEW_NULL;
}

/* So that systemd and runtimes inside, which look at the top of the hierarchy that they see, find
 * the limit that holds for them. It changes nothing else: all that they use counts against it
 * already. */
static void write_own_limit(const LimitsView *v)
{
        char text[32];

        if (v->use.limit == MEMORY_NO_LIMIT)
                strcpy(text, "max");
        else
                (void)snprintf(text, sizeof(text), "%" PRIu64, v->use.limit);
        (void)write_file_at(v->payload_fd, "memory.max", text); /* then it is not shown there */
}

static int rewrite(LimitsView *v)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        _cleanup_free_ char *host = NULL;
        ssize_t n = read_file_at(AT_FDCWD, "/proc/meminfo", HOST_FILE_MAX, &host);
        int r = n < 0 ? (int)n : meminfo_make(host, v->payload_fd, &text);

        if (r < 0)
                return r;
        /* in one call and in place: readers may be in the middle of it, and of its old length */
        n = pwrite(v->file_fd, text.data, text.size, 0);
        if (n != (ssize_t)text.size)
                return n < 0 ? -errno : -EIO;
        if (v->size > text.size && ftruncate(v->file_fd, (off_t)text.size) < 0)
                return -errno;
        v->size = text.size;
        return 0;
}

static int make_file(LimitsView *v, int directory_fd)
{
        /* A mount of its own: that of the machine is sealed while this file stays open for writing.
         * It is kept, since to let go of one costs half a millisecond, which an end has and a start
         * has not. */
        v->place_fd = mount_clone(directory_fd, "", false);
        if (v->place_fd < 0)
                return v->place_fd;
        v->file_fd = openat(v->place_fd, FILE_NAME, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
        if (v->file_fd < 0 || fchmod(v->file_fd, 0444) < 0)
                return -errno;
        if (v->use.limit != MEMORY_NO_LIMIT)
                return rewrite(v);
        v->mount_fd = mount_clone(directory_fd, FILE_NAME, false);
        return v->mount_fd < 0
                       ? v->mount_fd
                       : mount_set_attributes(v->mount_fd, MOUNT_ATTR_RDONLY | MOUNT_ATTRIBUTES_API,
                                              0, false);
}

int limits_view_make(LimitsView *v, int payload_fd, int directory_fd, Error *error)
{
        int r;

        if (payload_fd < 0 || faccessat(payload_fd, "memory.max", F_OK, 0) < 0)
                return 0;
        v->payload_fd = fcntl(payload_fd, F_DUPFD_CLOEXEC, 3);
        if (v->payload_fd < 0)
                return error_errno(error, errno, "Failed to look at the machine's cgroup");
        v->use = memory_use(payload_fd);
        v->shown = v->use.limit != MEMORY_NO_LIMIT;
        if (v->shown)
                write_own_limit(v);
        r = make_file(v, directory_fd);
        return r < 0 ? error_errno(error, -r, "Failed to make '" LIMITS_VIEW_MEMINFO "'") : 0;
}

/* Watches the limit of every group above. The events are only a wake-up call. fanotify, since its
 * groups are counted apart from inotify's instances, of which each systemd inside takes eight of
 * the 128 that a host allows by default. */
static void watch(LimitsView *v)
{
        char path[64] = "..";
        int fd = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY | O_CLOEXEC);

        v->watch_fd = fd;
        for (size_t n = 2; fd >= 0 && n + 12 < sizeof(path); n += 3) {
                strcpy(path + n, "/memory.max");
                if (fanotify_mark(fd, FAN_MARK_ADD, FAN_MODIFY, v->payload_fd, path) < 0)
                        return; /* the root has no such file */
                strcpy(path + n, "/..");
        }
}

static void drain(const LimitsView *v)
{
        struct fanotify_event_metadata events[16], *e = events;
        ssize_t n;

        while (v->watch_fd >= 0 && (n = read(v->watch_fd, events, sizeof(events))) > 0)
                for (e = events; FAN_EVENT_OK(e, n);
                     n -= e->event_len, e = (void *)((char *)e + e->event_len))
                        if (e->fd >= 0)
                                (void)close(e->fd);
}

/* In a process of its own, which may wait for ever on what root of the machine has put at /proc. */
static void show_late(LimitsView *v, int leader_pid_fd)
{
        pid_t pid = fork();

        if (pid == 0) {
                if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ||
                    namespace_join(leader_pid_fd, CLONE_NEWNS) < 0 ||
                    mount_attach(v->mount_fd, AT_FDCWD, "/proc/meminfo") < 0)
                        _exit(EXIT_FAILURE);
                _exit(EXIT_SUCCESS);
        }
        v->shown = pid > 0; /* reaped with the other helpers; else tried again */
        if (!v->shown)
                return;
        (void)close(v->mount_fd);
        v->mount_fd = -EBADF;
}

/* All supervisors at the same moments, so that the host wakes up once for all of them. */
static uint64_t until_next(uint64_t period)
{
        return period - clock_now_usec() % period;
}

uint64_t limits_view_update(LimitsView *v, int leader_pid_fd)
{
        MemoryUse use;
        bool moved, changed;

        if (v->payload_fd < 0)
                return USEC_INFINITY;
        if (v->watch_fd < 0)
                watch(v);
        drain(v);
        use = memory_use(v->payload_fd);
        moved = use.limit != v->use.limit;
        changed = moved || use.used != v->use.used;
        v->use = use;
        if (moved)
                write_own_limit(v);
        if (use.limit == MEMORY_NO_LIMIT && !v->shown)
                return v->watch_fd >= 0 ? USEC_INFINITY : until_next(LOOK_USEC);
        if (changed && rewrite(v) < 0)
                v->use.used = CGROUP_NO_NUMBER; /* the next time, then */
        if (!v->shown)
                show_late(v, leader_pid_fd);
        return until_next(REFRESH_USEC);
}
