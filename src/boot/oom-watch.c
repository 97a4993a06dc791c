/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counters of memory.events (cgroup-v2.rst): "oom" rises in the group whose limit was used up and
 * in those above it, in memory.events.local only in the former; "oom_kill" in all groups above the
 * process that was killed. */

#include "boot/oom-watch.h"

#include "base/fd.h"
#include "base/parse.h"
#include "os/cgroup-file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#define EVENTS_MAX 512

void oom_watch_init(OomWatch *w, int payload_fd)
{
        *w = OOM_WATCH_NULL;
        if (payload_fd < 0)
                return;
        w->payload_fd = fcntl(payload_fd, F_DUPFD_CLOEXEC, 3);
        w->unit_fd = openat(payload_fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (w->payload_fd >= 0 && w->unit_fd >= 0)
                w->events_fd = openat(w->unit_fd, "memory.events", O_RDONLY | O_CLOEXEC);
        oom_watch_read(w);
        w->new_own_ooms = w->new_any_ooms = w->new_kills = 0; /* of a run before */
}

void oom_watch_done(OomWatch *w)
{
        closep(&w->unit_fd);
        closep(&w->payload_fd);
        closep(&w->events_fd);
        *w = OOM_WATCH_NULL;
}

static uint64_t growth(uint64_t *counter, uint64_t now)
{
        uint64_t before = *counter;

        *counter = now;
        return now > before ? now - before : 0;
}

static uint64_t number(const char *text, const char *key)
{
        uint64_t n = cgroup_keyed_number(text, key);

        return n == CGROUP_NO_NUMBER ? 0 : n;
}

/* The limit of the one is shown in the other: see limits-view.h. */
static uint64_t own_ooms(const OomWatch *w)
{
        _cleanup_free_ char *unit = NULL, *payload = NULL;
        uint64_t n = 0;

        if (read_file_at(w->unit_fd, "memory.events.local", EVENTS_MAX, &unit) >= 0)
                n += number(unit, "oom");
        if (read_file_at(w->payload_fd, "memory.events.local", EVENTS_MAX, &payload) >= 0)
                n += number(payload, "oom");
        return n;
}

void oom_watch_read(OomWatch *w)
{
        char text[EVENTS_MAX];
        ssize_t n = w->events_fd < 0 ? -1 : pread(w->events_fd, text, sizeof(text) - 1, 0);

        if (n <= 0)
                return;
        text[n] = '\0';
        w->new_any_ooms += growth(&w->any_ooms, number(text, "oom"));
        w->new_kills += growth(&w->kills, number(text, "oom_kill"));
        w->new_own_ooms += growth(&w->own_ooms, own_ooms(w));
}

char *oom_watch_tell(OomWatch *w, const char *machine)
{
        uint64_t limit = cgroup_read_number(w->payload_fd, "memory.max"), kills = w->new_kills;
        bool own = w->new_own_ooms > 0, any = w->new_any_ooms > 0;
        const char *plural = kills == 1 ? "" : "es";
        char text[32], *sentence = NULL;
        int r;

        if (kills == 0)
                return NULL;
        if (limit == CGROUP_NO_NUMBER)
                limit = cgroup_read_number(w->unit_fd, "memory.max");
        w->new_own_ooms = w->new_any_ooms = w->new_kills = 0;
        if (own)
                r = asprintf(&sentence,
                             "Machine '%s' ran out of its memory limit of %s: the kernel killed "
                             "%" PRIu64 " process%s inside.",
                             machine, size_to_string(limit, text, sizeof(text)), kills, plural);
        else if (any)
                r = asprintf(&sentence,
                             "A service of machine '%s' ran out of a memory limit that was set "
                             "inside: the kernel killed %" PRIu64 " process%s.",
                             machine, kills, plural);
        else
                r = asprintf(&sentence,
                             "The host, or a slice that machine '%s' is in, ran out of memory: the "
                             "kernel killed %" PRIu64 " process%s of the machine.",
                             machine, kills, plural);
        return r < 0 ? NULL : sentence;
}
