/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The talk of launcher and stead-unit: what is sent arrives, and nothing else is taken for it. */

#include "../world.h"

#include "base/strv.h"
#include "machine/unit-message.h"

#include <string.h>
#include <sys/socket.h>

static int pair[2];

static int set_up(void **state)
{
        return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
}

static int tear_down(void **state)
{
        (void)close(pair[0]);
        return pair[1] >= 0 ? close(pair[1]) : 0;
}

static void test_fields_arrive(void **state)
{
        static char *sent[] = { (char *)"name=web", (char *)"property=MemoryMax=1G",
                                (char *)"property=", NULL };
        _cleanup_strv_ char **got = NULL;
        UnitVerb verb;

        assert_int_equal(unit_message_send(pair[0], UNIT_SCOPE, sent), 0);
        assert_int_equal(unit_message_receive(pair[1], 1000, &verb, &got), 0);
        assert_int_equal(verb, UNIT_SCOPE);
        assert_int_equal(strv_length(got), 3);
        assert_string_equal(got[1], sent[1]);
        assert_string_equal(unit_message_field(got, "name"), "web");
        assert_null(unit_message_field(got, "unit"));
}

static void test_errors_arrive(void **state)
{
        _cleanup_error_ Error sent = ERROR_NULL, got = ERROR_NULL;
        _cleanup_strv_ char **fields = NULL;
        UnitVerb verb;

        (void)error_set(&sent, EBUSY, "Unit %s is there", "x.scope");
        error_hint(&sent, "systemctl status x.scope");
        assert_int_equal(unit_message_send_error(pair[1], &sent), 0);
        assert_int_equal(unit_message_receive(pair[0], 1000, &verb, &fields), 0);
        assert_int_equal(verb, UNIT_FAILED);
        assert_int_equal(unit_message_error(fields, &got), -EBUSY);
        assert_string_equal(got.message, "Unit x.scope is there");
        assert_string_equal(got.hint, "systemctl status x.scope");
}

static void test_nonsense_is_refused(void **state)
{
        static const struct {
                const char *data;
                size_t size;
        } rows[] = {
                { "SCOPE", 5 },          /* no end */
                { "HELLO\0", 6 },        /* no such word */
                { "SCOPE\0name\0", 11 }, /* a field without a value */
                { "\0", 1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char **fields = NULL;
                UnitVerb verb;

                assert_int_equal(send(pair[0], rows[i].data, rows[i].size, 0), rows[i].size);
                assert_int_equal(unit_message_receive(pair[1], 1000, &verb, &fields), -EBADMSG);
                assert_null(fields);
        }
}

static void test_silence_and_end(void **state)
{
        char **fields = NULL;
        UnitVerb verb;

        assert_int_equal(unit_message_receive(pair[0], 0, &verb, &fields), -EAGAIN);
        (void)close(pair[1]);
        pair[1] = -EBADF;
        assert_int_equal(unit_message_receive(pair[0], 1000, &verb, &fields), -ENODATA);
        assert_int_equal(unit_message_send(pair[0], UNIT_REGISTER, NULL), -EPIPE);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_fields_arrive, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_errors_arrive, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_nonsense_is_refused, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_silence_and_end, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
