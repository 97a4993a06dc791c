/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Maps with holes for users of the host, and their records. */

#include "boot/bind-user.h"

#include "../unit.h"

static const BindUser users[] = {
        { .name = (char *)"anna",
          .home = (char *)"/home/anna",
          .host_uid = 1000,
          .host_gid = 1001,
          .id = 60514 },
        { .name = (char *)"bert",
          .home = (char *)"/home/bert",
          .real_name = (char *)"B \"E\" rt",
          .password = (char *)"$y$x",
          .host_uid = 1002,
          .host_gid = 1002,
          .id = 60515 },
};

static void assert_map(const IdMap *map, uint32_t inside, uint32_t outside, uint32_t count)
{
        assert_int_equal(map->inside, inside);
        assert_int_equal(map->outside, outside);
        assert_int_equal(map->count, count);
}

static void test_map(void **state)
{
        IdMap map[BIND_USER_MAPS_MAX];

        assert_int_equal(bind_users_map(NULL, 0, false, 0x80000, 0x10000, map), 1);
        assert_map(&map[0], 0, 0x80000, 0x10000);

        assert_int_equal(bind_users_map(users, 2, false, 0x80000, 0x10000, map), 4);
        assert_map(&map[0], 0, 0x80000, 60514);
        assert_map(&map[1], 60514, 1000, 1);
        assert_map(&map[2], 60515, 1002, 1);
        assert_map(&map[3], 60516, 0x80000 + 60516, 65536 - 60516);
        assert_int_equal(bind_users_map(users, 2, true, 0x80000, 0x10000, map), 4);
        assert_map(&map[1], 60514, 1001, 1);

        /* a range that ends below the users */
        assert_int_equal(bind_users_map(users, 2, false, 0x80000, 1000, map), 3);
        assert_map(&map[0], 0, 0x80000, 1000);
        assert_map(&map[2], 60515, 1002, 1);
}

static void test_in_range(void **state)
{
        assert_true(bind_user_is_in_range(&users[0], 0, 65536));
        assert_true(bind_user_is_in_range(&users[0], 1001, 1)); /* the group */
        assert_false(bind_user_is_in_range(&users[0], 0x80000, 0x10000));
        assert_false(bind_user_is_in_range(&users[0], 0, 1000));
}

static void test_records(void **state)
{
        _cleanup_buffer_ Buffer user = BUFFER_NULL, group = BUFFER_NULL, secret = BUFFER_NULL;

        bind_user_record(&users[1], &user);
        assert_string_equal(user.data, "{\"disposition\":\"container\",\"service\":\"org.stead1\","
                                       "\"userName\":\"bert\",\"uid\":60515,\"gid\":60515,"
                                       "\"realName\":\"B \\\"E\\\" rt\","
                                       "\"homeDirectory\":\"/run/host/home/bert\"}\n");
        bind_user_group_record(&users[1], &group);
        assert_string_equal(group.data, "{\"disposition\":\"container\",\"service\":\"org.stead1\","
                                        "\"groupName\":\"bert\",\"gid\":60515}\n");
        assert_true(bind_user_privileged_record(&users[1], &secret));
        assert_string_equal(secret.data, "{\"privileged\":{\"hashedPassword\":[\"$y$x\"]}}\n");
        assert_false(bind_user_privileged_record(&users[0], &secret));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_map),
                cmocka_unit_test(test_in_range),
                cmocka_unit_test(test_records),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
