/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The text of /proc/meminfo made from control groups as the kernel writes them. One row is one set
 * of groups and the lines that must come out. */

#include "boot/meminfo.h"

#include "../world.h"

#include <errno.h>

#define HOST                               \
        "MemTotal:       24684092 kB\n"    \
        "MemFree:        21335080 kB\n"    \
        "MemAvailable:   22805672 kB\n"    \
        "Buffers:           38664 kB\n"    \
        "Cached:          1552904 kB\n"    \
        "Active:           716792 kB\n"    \
        "Active(anon):      84756 kB\n"    \
        "SwapTotal:       4194304 kB\n"    \
        "SwapFree:        4000000 kB\n"    \
        "AnonPages:        991368 kB\n"    \
        "Slab:             569144 kB\n"    \
        "SReclaimable:     510676 kB\n"    \
        "VmallocTotal:   34359738367 kB\n" \
        "HugePages_Total:       0\n"       \
        "NewLine:              77 kB\n"

/* Of the payload: 100 MiB, of which 60 are page cache. */
static const char stat_text[] = "anon 31457280\nfile 62914560\nactive_anon 10485760\n"
                                "inactive_anon 20971520\nactive_file 20971520\n"
                                "inactive_file 41943040\nslab_reclaimable 1048576\n"
                                "slab_unreclaimable 2097152\n";

typedef struct Row {
        const char *slice_max, *slice_current; /* NULL: no such group */
        const char *max, *current, *swap_max, *swap_current;
        const char *expected; /* NULL: the host's text; else a line that must be there */
} Row;

static const Row rows[] = {
        { .max = "max", .current = "104857600" },
        { .max = "99999999999999", .current = "104857600" },
        { .max = "536870912", .current = "104857600", .expected = "MemTotal:         524288 kB\n" },
        { .max = "536870912", .current = "104857600", .expected = "MemFree:          421888 kB\n" },
        { .max = "536870912",
          .current = "104857600",
          .expected = "MemAvailable:     484352 kB\n" }, /* free, 60 MiB of cache, 1 of slab */
        { .max = "536870912", .current = "104857600", .expected = "Buffers:               0 kB\n" },
        { .max = "536870912", .current = "104857600", .expected = "Cached:            61440 kB\n" },
        { .max = "536870912", .current = "104857600", .expected = "Active:            30720 kB\n" },
        { .max = "536870912", .current = "104857600", .expected = "AnonPages:         30720 kB\n" },
        { .max = "536870912", .current = "104857600", .expected = "Slab:               3072 kB\n" },
        { .max = "536870912",
          .current = "104857600",
          .expected = "VmallocTotal:   34359738367 kB\nHugePages_Total:       0\nNewLine:      " },
        /* swap: none of its own, some, more than the host has */
        { .max = "536870912",
          .current = "1",
          .swap_max = "0",
          .swap_current = "0",
          .expected = "SwapTotal:             0 kB\nSwapFree:              0 kB\n" },
        { .max = "536870912",
          .current = "1",
          .swap_max = "1073741824",
          .swap_current = "1048576",
          .expected = "SwapTotal:       1048576 kB\nSwapFree:        1047552 kB\n" },
        { .max = "536870912",
          .current = "1",
          .swap_max = "max",
          .expected = "SwapTotal:       4194304 kB\nSwapFree:        4000000 kB\n" },
        /* the slice is narrower, or is used up by others */
        { .slice_max = "268435456",
          .slice_current = "209715200",
          .max = "536870912",
          .current = "104857600",
          .expected = "MemTotal:         262144 kB\nMemFree:           57344 kB\n" },
        { .slice_max = "1073741824",
          .slice_current = "1073741824",
          .max = "536870912",
          .current = "104857600",
          .expected = "MemTotal:         524288 kB\nMemFree:               0 kB\n" },
        { .slice_max = "268435456",
          .slice_current = "104857600",
          .max = "max",
          .current = "104857600",
          .expected = "MemTotal:         262144 kB\n" },
        /* over the limit for a moment */
        { .max = "536870912", .current = "536870913", .expected = "MemFree:               0 kB\n" },
};

static void put(const char *top, const char *group, const char *file, const char *text)
{
        _cleanup_free_ char *path = NULL;

        assert_true(asprintf(&path, "%s/%s", group, file) > 0);
        if (text)
                world_put(top, path, text, 0644);
}

/* TOP/slice/unit/payload; TOP itself is the root, which has no such files. */
static int make_groups(const char *top, const Row *row)
{
        _cleanup_free_ char *path = NULL;
        const char *unit = row->slice_max ? "/slice/unit" : "/unit";
        int fd;

        put(top, "/slice", "memory.max", row->slice_max);
        put(top, "/slice", "memory.current", row->slice_current);
        put(top, unit, "memory.max", row->max);
        put(top, unit, "memory.current", row->current);
        put(top, unit, "memory.stat", stat_text);
        put(top, unit, "memory.swap.max", row->swap_max);
        put(top, unit, "memory.swap.current", row->swap_current);
        assert_true(asprintf(&path, "%s/payload", unit) > 0);
        put(top, path, "memory.stat", stat_text);
        put(top, path, "memory.current", row->current);
        put(top, path, "memory.max", "4096"); /* ours: never read */
        free(path);
        assert_true(asprintf(&path, "%s%s/payload", top, unit) > 0);
        fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        assert_true(fd >= 0);
        return fd;
}

static void test_rows(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_buffer_ Buffer text = BUFFER_NULL;
                _cleanup_free_ char *top = NULL;
                _cleanup_close_ int fd = -EBADF;

                assert_true(asprintf(&top, "%s/%zu", (char *)*state, i) > 0);
                fd = make_groups(top, &rows[i]);
                assert_int_equal(meminfo_make(HOST, fd, &text), 0);
                if (!rows[i].expected)
                        assert_string_equal(text.data, HOST);
                else if (!strstr(text.data, rows[i].expected))
                        fail_msg("row %zu: '%s' is not in\n%s", i, rows[i].expected, text.data);
                /* rewritten in place: as long as the host's */
                assert_int_equal(text.size, strlen(HOST));
        }
}

static void test_use(void **state)
{
        const Row row = { .slice_max = "268435456",
                          .slice_current = "1000",
                          .max = "536870912",
                          .current = "100" };
        _cleanup_close_ int fd = make_groups(*state, &row);
        MemoryUse use = memory_use(fd);

        assert_int_equal(use.limit, 268435456);
        assert_int_equal(use.used, 100 + 100 + 1000);
        put(*state, "/slice", "memory.max", "max");
        put(*state, "/slice/unit", "memory.max", "max");
        assert_true(memory_use(fd).limit == MEMORY_NO_LIMIT);
}

static void test_bad_host_text(void **state)
{
        const Row row = { .max = "1048576", .current = "1" };
        _cleanup_close_ int fd = make_groups(*state, &row);
        _cleanup_buffer_ Buffer text = BUFFER_NULL;

        assert_int_equal(meminfo_make("", fd, &text), -EBADMSG);
        assert_int_equal(meminfo_make("MemTotal: 4096 kB\nodd\n\nlast", fd, &text), 0);
        assert_string_equal(text.data, "MemTotal: 1024 kB\nodd\n\nlast");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_DIRECTORY(test_rows),
                WITH_DIRECTORY(test_use),
                WITH_DIRECTORY(test_bad_host_text),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
