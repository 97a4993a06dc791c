/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* User ranges are picked by name, and never one that somebody has (CI-124 to CI-128). */

#include "../world.h"

#include "boot/range.h"

#include <errno.h>

#define LOCKS "/run/systemd/nspawn-uid"

static UserRange take(const char *name, uid_t owner)
{
        _cleanup_error_ Error error = ERROR_NULL;
        BootPlan plan = { .machine = (char *)name, .user_namespace = USER_NAMESPACE_PICK };
        struct stat root = { .st_uid = owner, .st_gid = owner };
        UserRange range = USER_RANGE_NULL;

        if (user_range_take(&plan, &root, &range, &error) < 0)
                fail_msg("%s", error.message);
        return range;
}

static bool is_locked(uint32_t base)
{
        LockFile lock = LOCK_FILE_NULL;
        char path[64];
        int r;

        (void)snprintf(path, sizeof(path), LOCKS "/%u", base);
        r = lock_file_take(path, true, &lock);
        lock_file_release(&lock);
        return r == -EAGAIN;
}

static int clean_host(void **state)
{
        world_put("", "/etc/passwd", "root:x:0:0::/:\nnobody:x:65534:65534::/:\nbad\n", 0644);
        world_put("", "/etc/group", "root:x:0:\n", 0644);
        world_put("", "/etc/subuid", "joe:100000:65536\n", 0644);
        world_put("", "/etc/subgid", "", 0644);
        world_put("", "/etc/nsswitch.conf", "passwd: files systemd\ngroup: files # ldap\n", 0644);
        return remove_tree_at(AT_FDCWD, "/run/systemd");
}

static void test_candidates(void **state)
{
        static const char *const names[] = { "", "a", "web", "db.example", "0123456789abcdef" };

        for (size_t n = 0; n < ELEMENTSOF(names); n++)
                for (unsigned i = 0; i < 200; i++) {
                        uint32_t base = user_range_candidate(names[n], i);

                        assert_in_range(base, 0x00080000, 0x6FFF0000);
                        assert_int_equal(base % 65536, 0);
                        assert_int_equal(base, user_range_candidate(names[n], i));
                }
        assert_int_not_equal(user_range_candidate("web", 0), user_range_candidate("db", 0));
        assert_int_not_equal(user_range_candidate("web", 0), user_range_candidate("web", 1));
}

static void test_same_name_same_range(void **state)
{
        UserRange first = take("web", 0), second;
        uint32_t base = first.base;

        assert_int_equal(base, user_range_candidate("web", 0));
        assert_int_equal(first.size, 65536);
        assert_true(is_locked(base));
        second = take("web", 0); /* taken: the next one */
        assert_int_equal(second.base, user_range_candidate("web", 1));
        user_range_release(&second);
        user_range_release(&first);
        assert_false(is_locked(base));
        first = take("web", 0);
        assert_int_equal(first.base, base);
        user_range_release(&first);
}

/* CI-125: first the owner of the tree, if it is the start of a range that nobody has. */
static void test_owner_first(void **state)
{
        UserRange first = take("web", 0x00090000), second = take("web", 0x00090000), odd;

        assert_int_equal(first.base, 0x00090000);
        assert_int_equal(second.base, user_range_candidate("web", 0));
        user_range_release(&first);
        user_range_release(&second);
        odd = take("web", 0x00090001);
        assert_int_equal(odd.base, user_range_candidate("web", 0));
        user_range_release(&odd);
        odd = take("web", 0x00070000); /* below */
        assert_int_equal(odd.base, user_range_candidate("web", 0));
        user_range_release(&odd);
}

static void test_known_to_host(void **state)
{
        static const struct {
                const char *path, *format;
                uint32_t offset;
                bool meets;
        } rows[] = {
                { "/etc/passwd", "joe:x:%u:100::/:\n", 0, true },
                { "/etc/passwd", "joe:x:%u:100::/:\n", 65535, true },
                { "/etc/passwd", "joe:x:%u:100::/:\n", 65536, false },
                { "/etc/passwd", "joe:x:100:%u::/:\n", 0, false }, /* its group's business */
                { "/etc/group", "g:x:%u:\n", 1000, true },
                { "/etc/subuid", "joe:%u:1\n", 0, true },
                { "/etc/subuid", "joe:%u:0\n", 0, false },
                { "/etc/subgid", "joe:%u:65536\n", 65535, true },
                { "/etc/subgid", "joe:%u:65536\n", (uint32_t)-1, true }, /* reaches into it */
                { "/etc/subgid", "joe:%u:1\n", (uint32_t)-1, false },
        };
        uint32_t base = user_range_candidate("web", 0);

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                UserRange range = USER_RANGE_NULL;
                char text[64];

                assert_int_equal(clean_host(NULL), 0);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
                (void)snprintf(text, sizeof(text), rows[i].format, base + rows[i].offset);
#pragma GCC diagnostic pop
                world_put("", rows[i].path, text, 0644);
                range = take("web", 0);
                if ((range.base != base) != rows[i].meets)
                        fail_msg("%s: %s", rows[i].path, text);
                assert_int_equal(is_locked(base), range.base == base);
                user_range_release(&range);
        }
}

static void test_without_files(void **state)
{
        UserRange range;

        assert_int_equal(unlink("/etc/passwd") + unlink("/etc/group") + unlink("/etc/subuid") +
                                 unlink("/etc/subgid") + unlink("/etc/nsswitch.conf"),
                         0);
        range = take("web", 0);
        assert_int_equal(range.base, user_range_candidate("web", 0));
        user_range_release(&range);
}

static void test_all_taken(void **state)
{
        BootPlan plan = { .machine = (char *)"web", .user_namespace = USER_NAMESPACE_PICK };
        struct stat root = {};
        UserRange range = USER_RANGE_NULL;
        _cleanup_error_ Error error = ERROR_NULL;

        world_put("", "/etc/subuid", "all:524288:1878982656\n", 0644);
        assert_int_equal(user_range_take(&plan, &root, &range, &error), -EBUSY);
        assert_non_null(strstr(error.message, "No free user range"));
        assert_non_null(error.hint);
        assert_int_equal(range.n_locks, 0);
}

static void test_fixed(void **state)
{
        BootPlan plan = { .machine = (char *)"web",
                          .user_namespace = USER_NAMESPACE_FIXED,
                          .user_base = 0x00100000,
                          .user_size = 65536 };
        _cleanup_error_ Error error = ERROR_NULL;
        UserRange first = USER_RANGE_NULL, second = USER_RANGE_NULL;
        struct stat root = {};

        assert_int_equal(user_range_take(&plan, &root, &first, NULL), 0);
        assert_true(is_locked(0x00100000));
        assert_int_equal(user_range_take(&plan, &root, &second, &error), -EBUSY);
        assert_non_null(strstr(error.message, "1048576 to 1114111"));
        assert_non_null(strstr(error.hint, "--private-users=pick"));
        user_range_release(&first);
        assert_false(is_locked(0x00100000));

        plan.user_namespace = USER_NAMESPACE_IDENTITY; /* nobody's own */
        plan.user_base = 0;
        assert_int_equal(user_range_take(&plan, &root, &first, NULL), 0);
        assert_int_equal(user_range_take(&plan, &root, &second, NULL), 0);
        assert_int_equal(first.base, 0);
        assert_int_equal(first.size, 65536);
        user_range_release(&first);
        user_range_release(&second);

        plan.user_namespace = USER_NAMESPACE_NO;
        assert_int_equal(user_range_take(&plan, &root, &first, NULL), 0);
        assert_int_equal(first.size, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_candidates),
                cmocka_unit_test_setup(test_same_name_same_range, clean_host),
                cmocka_unit_test_setup(test_owner_first, clean_host),
                cmocka_unit_test_setup(test_known_to_host, clean_host),
                cmocka_unit_test_setup(test_without_files, clean_host),
                cmocka_unit_test_setup(test_all_taken, clean_host),
                cmocka_unit_test_setup(test_fixed, clean_host),
        };
        int r = world_enter();

        /* as on a host, where every id is there to give */
        world_put("", "/run/uid_map", "         0          0 4294967295\n", 0644);
        if (r == 0 && mount("/run/uid_map", "/proc/self/uid_map", NULL, MS_BIND, NULL) < 0)
                r = EXIT_FAILURE;
        return r != 0 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
