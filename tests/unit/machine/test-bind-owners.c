/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Maps of bind mounts as the kernel gets them: whatever the entries, no two of it overlap. */

#include "../unit.h"

#include "machine/bind-owners.h"

#include <stdlib.h>
#include <string.h>

static void assert_maps(const char *entries, bool others, BindRange range, const char *expected)
{
        _cleanup_(bind_map_done) BindMap map = {};
        _cleanup_buffer_ Buffer shown = BUFFER_NULL;
        _cleanup_free_ char *copy = strdup(entries);
        IdMap ids[BIND_OWNERS_MAX];
        unsigned n = 0;
        int r;

        for (char *save = NULL, *word = strtok_r(copy, " ", &save); word;
             word = strtok_r(NULL, " ", &save))
                assert_int_equal(bind_map_add(&map, word, NULL), 0);
        r = bind_owners_map(&map, others, &range, ids, &n);
        if (!expected) {
                assert_int_equal(r, -ERANGE);
                return;
        }
        assert_int_equal(r, 0);
        for (unsigned i = 0; i < n; i++)
                buffer_printf(&shown, "%s%u-%u-%u", i > 0 ? " " : "", ids[i].inside, ids[i].outside,
                              ids[i].count);
        assert_string_equal(shown.data ?: "", expected);
}

static const BindRange users = { .base = 100000, .size = 65536, .plain_fd = -EBADF };
static const BindRange none = { .plain_fd = -EBADF };

static void test_entries_only(void **state)
{
        assert_maps("1000:33", false, users, "1000-100033-1");
        assert_maps("0:10:10 4294967294:0", false, users, "0-100010-10 4294967294-100000-1");
        assert_maps("1000:33", false, none, "1000-33-1");
        assert_maps("5:4294967294", false, none, "5-4294967294-1");
}

static void test_others_one_to_one(void **state)
{
        assert_maps("", true, users, "0-100000-65536");
        assert_maps("1000:33", true, users,
                    "1000-100033-1 0-100000-33 34-100034-966 1001-101001-64535");
        assert_maps("0:0", true, users, "0-100000-1 1-100001-65535");
        assert_maps("7:7", true, users, "7-100007-1 0-100000-7 8-100008-65528");
        /* neighbours and entries that take each other's place leave no empty stretch */
        assert_maps("0:1 1:0", true, users, "0-100001-1 1-100000-1 2-100002-65534");
        assert_maps("70000:65535", true, users, "70000-165535-1 0-100000-65535");
        assert_maps("1000:0:65536", true, users, "1000-100000-65536");
        assert_maps("1:2", true, none, "1-2-1 0-0-1 3-3-4294967292");
}

static void test_beyond_the_range(void **state)
{
        assert_maps("0:65536", false, users, NULL);
        assert_maps("0:65530:7", false, users, NULL);
        assert_maps("0:65530:6", false, users, "0-165530-6");
}

/* The most entries with the most gaps: all fits, and nothing overlaps. */
static void test_most_entries(void **state)
{
        _cleanup_(bind_map_done) BindMap map = {};
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        IdMap ids[BIND_OWNERS_MAX];
        unsigned n;

        for (unsigned i = 0; i < BIND_MAP_MAX; i++) {
                char word[64];

                (void)snprintf(word, sizeof(word), "%u:%u", 10000 + 4 * i, 60000 - 4 * i);
                assert_int_equal(bind_map_add(&map, word, NULL), 0);
        }
        assert_int_equal(bind_map_add(&map, "1:1", &error), -E2BIG);
        assert_int_equal(bind_owners_map(&map, true, &users, ids, &n), 0);
        assert_true(n <= BIND_OWNERS_MAX);
        for (unsigned i = 0; i < n; i++) {
                buffer_printf(&text, "%u %u %u\n", UINT32_MAX, UINT32_MAX, ids[i].count);
                for (unsigned k = i + 1; k < n; k++)
                        assert_true((ids[i].inside + ids[i].count <= ids[k].inside ||
                                     ids[k].inside + ids[k].count <= ids[i].inside) &&
                                    (ids[i].outside + ids[i].count <= ids[k].outside ||
                                     ids[k].outside + ids[k].count <= ids[i].outside));
        }
        assert_true(text.size < 4096); /* one write to uid_map */
}

static void test_messages(void **state)
{
        _cleanup_(bind_map_done) BindMap map = {};
        _cleanup_error_ Error overlap = ERROR_NULL, wrong = ERROR_NULL;

        assert_int_equal(bind_map_add(&map, "1000:33:4", NULL), 0);
        assert_int_equal(bind_map_add(&map, "5:36", &overlap), -EINVAL);
        assert_non_null(strstr(overlap.message, "'5:36' overlaps with '1000:33:4'"));
        assert_int_equal(bind_map_add(&map, "www-data:33", &wrong), -EINVAL);
        assert_non_null(strstr(wrong.message, "such as 1000:33"));
        assert_int_equal(map.n, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_entries_only),     cmocka_unit_test(test_others_one_to_one),
                cmocka_unit_test(test_beyond_the_range), cmocka_unit_test(test_most_entries),
                cmocka_unit_test(test_messages),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
