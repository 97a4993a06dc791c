/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The talk at the start: each message arrives as itself, everything else is refused. */

#include "../unit.h"

#include "boot/handshake.h"

#include <string.h>
#include <sys/socket.h>

typedef struct Pair {
        int ours, theirs;
} Pair;

static int pair_make(void **state)
{
        static Pair pair;

        *state = &pair;
        return handshake_new(&pair.ours, &pair.theirs);
}

static int pair_drop(void **state)
{
        Pair *p = *state;

        (void)close(p->ours);
        if (p->theirs >= 0)
                (void)close(p->theirs);
        return 0;
}

static void test_steps(void **state)
{
        Pair *p = *state;

        for (int s = HANDSHAKE_JOINED; s < HANDSHAKE_FAILED; s++) {
                _cleanup_error_ Error error = ERROR_NULL;

                assert_int_equal(handshake_send(p->theirs, (HandshakeStep)s), 0);
                assert_int_equal(handshake_wait(p->ours, (HandshakeStep)s, &error), 0);
                assert_int_equal(error.number, 0);
        }
}

static void test_wrong_order(void **state)
{
        Pair *p = *state;

        for (int sent = HANDSHAKE_JOINED; sent < HANDSHAKE_FAILED; sent++)
                for (int wanted = HANDSHAKE_JOINED; wanted < HANDSHAKE_FAILED; wanted++) {
                        _cleanup_error_ Error error = ERROR_NULL;

                        if (sent == wanted)
                                continue;
                        assert_int_equal(handshake_send(p->theirs, (HandshakeStep)sent), 0);
                        assert_int_equal(handshake_wait(p->ours, (HandshakeStep)wanted, &error),
                                         -EBADMSG);
                        assert_non_null(strstr(error.message, "while it should be"));
                }
}

/* A child's error reaches the user with its number, its words and what to type. */
static void test_failure(void **state)
{
        Pair *p = *state;
        _cleanup_error_ Error sent = ERROR_NULL, got = ERROR_NULL, plain = ERROR_NULL;

        error_set(&sent, EROFS, "Tree '%s' is read-only", "/t");
        handshake_send_error(p->theirs, &sent);
        assert_int_equal(handshake_wait(p->ours, HANDSHAKE_JOINED, &plain), -EROFS);
        assert_null(plain.hint);
        error_hint(&sent, "mkdir /t/x");
        handshake_send_error(p->theirs, &sent);
        assert_int_equal(handshake_wait(p->ours, HANDSHAKE_GO, &got), -EROFS);
        assert_int_equal(got.number, EROFS);
        assert_string_equal(got.message, "Tree '/t' is read-only");
        assert_string_equal(got.hint, "mkdir /t/x");
}

static void test_long_failure(void **state)
{
        Pair *p = *state;
        _cleanup_error_ Error sent = ERROR_NULL, got = ERROR_NULL;
        char path[4096];

        memset(path, 'x', sizeof(path) - 1);
        path[sizeof(path) - 1] = '\0';
        error_set(&sent, ENOENT, "%s", path);
        error_hint(&sent, "%s", path);
        handshake_send_error(p->theirs, &sent);
        assert_int_equal(handshake_wait(p->ours, HANDSHAKE_GO, &got), -ENOENT);
        assert_in_range(strlen(got.message), 1000, 1024);
        assert_in_range(strlen(got.hint), 500, 512);
}

static void test_damaged(void **state)
{
        static const struct {
                uint32_t magic;
                int32_t step;
                size_t size;
        } rows[] = {
                { 0x73746561, HANDSHAKE_JOINED, 1547 },
                { 0x73746561, HANDSHAKE_JOINED, 12 },
                { 0x73746561, HANDSHAKE_JOINED, 1549 },
                { 0x73746562, HANDSHAKE_JOINED, 1548 },
                { 0x73746561, 0, 1548 },
                { 0x73746561, -1, 1548 },
                { 0x73746561, _HANDSHAKE_STEP_MAX, 1548 },
        };
        Pair *p = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_error_ Error error = ERROR_NULL;
                char data[2048] = "";

                memcpy(data, &rows[i].magic, 4);
                memcpy(data + 4, &rows[i].step, 4);
                assert_int_equal(send(p->theirs, data, rows[i].size, 0), rows[i].size);
                assert_int_equal(handshake_wait(p->ours, HANDSHAKE_JOINED, &error), -EBADMSG);
        }
}

/* Texts without their final NUL, and a failure without a number: nothing is read beyond. */
static void test_hostile_failure(void **state)
{
        Pair *p = *state;
        _cleanup_error_ Error error = ERROR_NULL;
        int32_t header[3] = { 0x73746561, HANDSHAKE_FAILED, -7 };
        char data[1548];

        memset(data, 'y', sizeof(data));
        memcpy(data, header, sizeof(header));
        assert_int_equal(send(p->theirs, data, sizeof(data), 0), sizeof(data));
        assert_int_equal(handshake_wait(p->ours, HANDSHAKE_JOINED, &error), -EIO);
        assert_int_equal(strlen(error.message), 1023);
        assert_int_equal(strlen(error.hint), 511);
}

static void test_end(void **state)
{
        Pair *p = *state;
        _cleanup_error_ Error error = ERROR_NULL;

        assert_int_equal(handshake_send(p->theirs, HANDSHAKE_JOINED), 0);
        (void)close(p->theirs);
        p->theirs = -EBADF;
        assert_int_equal(handshake_wait(p->ours, HANDSHAKE_JOINED, &error), 0); /* still there */
        assert_int_equal(handshake_wait(p->ours, HANDSHAKE_PREPARED, &error), 1);
        assert_int_equal(handshake_wait(p->ours, HANDSHAKE_PREPARED, &error), 1);
        assert_int_equal(error.number, 0);
        assert_int_equal(handshake_send(p->ours, HANDSHAKE_GO), -EPIPE); /* and no SIGPIPE */
}

#define WITH_PAIR(test) cmocka_unit_test_setup_teardown(test, pair_make, pair_drop)

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_PAIR(test_steps),   WITH_PAIR(test_wrong_order),
                WITH_PAIR(test_failure), WITH_PAIR(test_long_failure),
                WITH_PAIR(test_damaged), WITH_PAIR(test_hostile_failure),
                WITH_PAIR(test_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
