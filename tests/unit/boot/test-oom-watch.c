/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is said about killed processes, by which counters rose. */

#include "boot/oom-watch.h"

#include "../world.h"

#include <errno.h>

typedef struct Row {
        const char *unit_local, *payload_local, *all;
        const char *payload_max, *unit_max;
        const char *expected; /* NULL: nothing to tell */
} Row;

static const Row rows[] = {
        { "oom 0", "oom 0", "oom 0\noom_kill 0", "max", "max", NULL },
        { "oom 1", "oom 0", "oom 1\noom_kill 0", "max", "536870912",
          NULL }, /* a failed call only */
        { "oom 1", "oom 0", "oom 1\noom_kill 1", "max", "536870912",
          "Machine 'web' ran out of its memory limit of 512M: the kernel killed 1 process "
          "inside." },
        { "oom 0", "oom 2", "oom 2\noom_kill 3", "1073741824", "max",
          "Machine 'web' ran out of its memory limit of 1G: the kernel killed 3 processes "
          "inside." },
        { "oom 0", "oom 2", "oom 2\noom_kill 3", "1000000", "2000000",
          "Machine 'web' ran out of its memory limit of 1000000: the kernel killed 3 processes "
          "inside." },
        { "oom 0", "oom 0", "oom 2\noom_kill 2", "536870912", "536870912",
          "A service of machine 'web' ran out of a memory limit that was set inside: the kernel "
          "killed 2 processes." },
        { "oom 0", "oom 0", "oom 0\noom_kill 1", "max", "max",
          "The host, or a slice that machine 'web' is in, ran out of memory: the kernel killed 1 "
          "process of the machine." },
};

static void put_counters(const char *top, const Row *row)
{
        world_put(top, "/memory.max", row->unit_max, 0644);
        world_put(top, "/payload/memory.max", row->payload_max, 0644);
        world_put(top, "/memory.events.local", row->unit_local, 0644);
        world_put(top, "/payload/memory.events.local", row->payload_local, 0644);
}

/* In place, as the kernel does: the watch keeps its descriptor. */
static void put_events(const char *top, const char *text)
{
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -EBADF;

        assert_true(asprintf(&path, "%s/memory.events", top) > 0);
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        assert_int_equal(write_all(fd, text, strlen(text)), 0);
}

static void test_rows(void **state)
{
        static const Row before = { "oom 0", "oom 0", "oom 0\noom_kill 0", "max", "max", NULL };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *top = NULL, *payload = NULL, *said = NULL, *again = NULL;
                _cleanup_close_ int fd = -EBADF;
                OomWatch w;

                assert_true(asprintf(&top, "%s/%zu", (char *)*state, i) > 0);
                assert_true(asprintf(&payload, "%s/payload", top) > 0);
                put_counters(top, &before);
                put_events(top, before.all);
                fd = open(payload, O_PATH | O_CLOEXEC);
                oom_watch_init(&w, fd);
                put_counters(top, &rows[i]);
                put_events(top, rows[i].all);
                oom_watch_read(&w);
                said = oom_watch_tell(&w, "web");
                if (rows[i].expected)
                        assert_string_equal(said, rows[i].expected);
                else
                        assert_null(said);
                again = oom_watch_tell(&w, "web"); /* once is enough */
                assert_null(again);
                oom_watch_done(&w);
        }
}

/* What an earlier run of the unit left in the counters is not told again. */
static void test_begins_where_it_finds_them(void **state)
{
        _cleanup_free_ char *payload = NULL;
        _cleanup_close_ int fd = -EBADF;
        OomWatch w;

        put_counters(*state, &rows[3]);
        put_events(*state, rows[3].all);
        assert_true(asprintf(&payload, "%s/payload", (char *)*state) > 0);
        fd = open(payload, O_PATH | O_CLOEXEC);
        oom_watch_init(&w, fd);
        oom_watch_read(&w);
        assert_null(oom_watch_tell(&w, "web"));
        oom_watch_done(&w);
}

static void test_without_controller(void **state)
{
        _cleanup_close_ int fd = open(*state, O_PATH | O_CLOEXEC);
        OomWatch w;

        oom_watch_init(&w, fd);
        assert_true(w.events_fd < 0);
        oom_watch_read(&w);
        assert_null(oom_watch_tell(&w, "web"));
        oom_watch_done(&w);
        oom_watch_init(&w, -EBADF);
        assert_true(w.events_fd < 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_DIRECTORY(test_rows),
                WITH_DIRECTORY(test_begins_where_it_finds_them),
                WITH_DIRECTORY(test_without_controller),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
