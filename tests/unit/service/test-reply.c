/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of errors, and text that the bus can bear. */

#include "../unit.h"
#include "service/reply.h"

#include <errno.h>

static void test_names(void **state)
{
        assert_string_equal(reply_error_name(REPLY_MACHINE, ENOENT),
                            "org.stead1.Error.NoSuchDefinition");
        assert_string_equal(reply_error_name(REPLY_PROCESS, ENOENT),
                            "org.stead1.Error.NoSuchCommand");
        assert_string_equal(reply_error_name(REPLY_PROCESS, ENXIO),
                            "org.stead1.Error.NoSuchMachine");
        assert_string_equal(reply_error_name(REPLY_MACHINE, EACCES),
                            "org.freedesktop.DBus.Error.AccessDenied");
        assert_string_equal(reply_error_name(REPLY_MACHINE, ELOOP), "org.stead1.Error.Failed");
        /* the bus allows no other characters and no longer ones */
        for (int number = 0; number < 200; number++)
                for (ReplyTopic topic = REPLY_MACHINE; topic <= REPLY_PROCESS; topic++)
                        assert_true(
                                sd_bus_interface_name_is_valid(reply_error_name(topic, number)));
}

static const struct {
        const char *in, *out;
} texts[] = {
        { NULL, "" },
        { "", "" },
        { "plain\ntext", "plain\ntext" },
        { "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" },
        { "J\xfcrgen", "J\xef\xbf\xbdrgen" },
        { "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd" },
        { "cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd" },
};

static void test_text(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_free_ char *text = reply_text(texts[i].in);

                assert_string_equal(text, texts[i].out);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_text),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
