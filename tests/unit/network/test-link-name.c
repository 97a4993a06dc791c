/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of links: what is one, and that long ones become what systemd-nspawn makes of them. */

#include "network/link-name.h"

#include "../unit.h"

#include <errno.h>
#include <string.h>

static void test_valid(void **state)
{
        static const char *const good[] = { "a",    "eth0", "host0",  "ve-web.1",       "0x",
                                            "all0", "...",  "br_a-b", "fifteencharacte" };
        static const char *const bad[] = {
                "",    ".",    "..",   "all",      "default", "a/b", "a:0",
                "a b", "a\tb", "\x7f", "\xc3\xa4", "v%d",     "17",  "sixteencharacter"
        };

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                if (!link_name_is_valid(good[i]))
                        fail_msg("'%s' is refused", good[i]);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                if (link_name_is_valid(bad[i]))
                        fail_msg("'%s' is taken", bad[i]);
}

static void test_altname_valid(void **state)
{
        char name[130];

        memset(name, 'x', sizeof(name));
        name[128] = '\0';
        assert_false(link_altname_is_valid(name));
        name[127] = '\0';
        assert_true(link_altname_is_valid(name));
        assert_false(link_name_is_valid(name));
        assert_true(link_altname_is_valid("sixteencharacter"));
        assert_false(link_altname_is_valid("12345678901234567890"));
        assert_false(link_altname_is_valid("sixteen/character"));
}

static void test_short(void **state)
{
        LinkName made;

        assert_int_equal(link_name_make(LINK_PREFIX_VETH, "web", &made), 0);
        assert_string_equal(made.name, "ve-web");
        assert_string_equal(made.altname, "");
        assert_int_equal(link_name_make(LINK_PREFIX_ZONE, "twelve-chars", &made), 0);
        assert_string_equal(made.name, "vz-twelve-chars");
}

static void test_long(void **state)
{
        LinkName made, other;

        assert_int_equal(link_name_make(LINK_PREFIX_VETH, "thirteen-char", &made), 1);
        assert_string_equal(made.altname, "ve-thirteen-char");
        assert_int_equal(strlen(made.name), 15);
        assert_memory_equal(made.name, "ve-thirteen", 11);
        assert_true(link_name_is_valid(made.name));
        assert_int_equal(link_name_make(LINK_PREFIX_VETH, "thirteen-chas", &other), 1);
        assert_string_not_equal(made.name, other.name);
        assert_int_equal(link_name_make(LINK_PREFIX_VETH, "thirteen-char", &other), 1);
        assert_string_equal(made.name, other.name);
}

/* What an independent SipHash makes of the same rule. */
static void test_long_known(void **state)
{
        LinkName made;

        assert_int_equal(link_name_make(LINK_PREFIX_VETH, "very-long-container-name", &made), 1);
        assert_string_equal(made.name, "ve-very-lonfPYR");
        assert_int_equal(link_name_make(LINK_PREFIX_BRIDGED, "very-long-container-name", &made), 1);
        assert_string_equal(made.name, "vb-very-lonbtMB");
}

static void test_refused(void **state)
{
        char name[130];
        LinkName made = { .name = "as before" };

        memset(name, 'x', sizeof(name));
        name[125] = '\0';
        assert_int_equal(link_name_make(LINK_PREFIX_VETH, name, &made), -ENAMETOOLONG);
        assert_int_equal(link_name_make(LINK_PREFIX_VETH, "a/b", &made), -EINVAL);
        assert_int_equal(link_name_make("", "all", &made), -EINVAL);
        assert_string_equal(made.name, "as before");
        name[124] = '\0';
        assert_int_equal(link_name_make(LINK_PREFIX_VETH, name, &made), 1);
        assert_int_equal(strlen(made.altname), LINK_ALTNAME_MAX);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_valid),      cmocka_unit_test(test_altname_valid),
                cmocka_unit_test(test_short),      cmocka_unit_test(test_long),
                cmocka_unit_test(test_long_known), cmocka_unit_test(test_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
