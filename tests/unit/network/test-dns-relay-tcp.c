/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Questions by TCP, seen from the machine and from the host's name servers. */

#include "relayed.h"

#define CONNECTIONS 16
#define LARGE 60000

/* A message with its length before it. */
typedef struct Stream {
        uint8_t data[2 + UINT16_MAX];
        size_t size; /* of the message */
} Stream;

static void write_message(int fd, Stream *s)
{
        s->data[0] = (uint8_t)(s->size >> 8);
        s->data[1] = (uint8_t)s->size;
        assert_int_equal(send(fd, s->data, 2 + s->size, MSG_NOSIGNAL), (ssize_t)(2 + s->size));
}

static void ask(int fd, uint16_t id, const char *name)
{
        Stream s;

        s.size = name_query(s.data + 2, id, name, DNS_TYPE_A);
        write_message(fd, &s);
}

/* False: the other side has closed. */
static bool read_message(DnsRelay *relay, int fd, Stream *ret)
{
        size_t n = 0, want = 2;

        while (n < want) {
                ssize_t k;

                assert_true(run_until(relay, fd, 20000));
                k = recv(fd, ret->data + n, want - n, 0);
                if (k <= 0)
                        return false;
                n += (size_t)k;
                if (n == 2)
                        want = 2 + ((size_t)ret->data[0] << 8 | ret->data[1]);
        }
        ret->size = n - 2;
        return true;
}

static void expect_answer(DnsRelay *relay, int fd, uint16_t id, DnsRcode rcode)
{
        Stream s;

        assert_true(read_message(relay, fd, &s));
        assert_int_equal(dns_message_id(s.data + 2), id);
        assert_int_equal(dns_message_rcode(s.data + 2), rcode);
}

/* The connection by which the relay asks, with what it asks. */
static int serve(DnsRelay *relay, int listener, Stream *ret)
{
        int fd;

        assert_true(run_until(relay, listener, 20000));
        fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        assert_true(fd >= 0);
        assert_true(read_message(relay, fd, ret));
        return fd;
}

static void test_own_names(void **state)
{
        _cleanup_(dns_relay_freep) DnsRelay *relay = relay_start("");
        _cleanup_close_ int fd = open_socket(HERE, SOCK_STREAM, false);

        (void)run_until(relay, fd, 50); /* connected */
        ask(fd, 1, "web");
        ask(fd, 2, "no.stead.internal"); /* waits in the kernel */
        ask(fd, 3, "crowd");
        expect_answer(relay, fd, 1, DNS_NOERROR);
        expect_answer(relay, fd, 2, DNS_NXDOMAIN);
        expect_answer(relay, fd, 3, DNS_NOERROR);
}

static void test_large(void **state)
{
        _cleanup_(dns_relay_freep) DnsRelay *relay = relay_start("nameserver " FIRST "\n");
        _cleanup_close_ int listener = open_socket(FIRST, SOCK_STREAM, true);
        _cleanup_close_ int fd = open_socket(HERE, SOCK_STREAM, false), server = -EBADF;
        static Stream s, got;

        (void)run_until(relay, fd, 50);
        ask(fd, 7, "example.com");
        server = serve(relay, listener, &s);
        (void)make_answer(s.data + 2, s.size, DNS_NOERROR);
        for (size_t i = s.size; i < LARGE; i++)
                s.data[2 + i] = (uint8_t)(i * 7);
        s.size = LARGE;
        write_message(server, &s);
        assert_true(read_message(relay, fd, &got));
        assert_int_equal(got.size, LARGE);
        assert_int_equal(dns_message_id(got.data + 2), 7);
        assert_memory_equal(got.data + 4, s.data + 4, LARGE - 2);
}

/* The first takes the question and hangs up, the second answers something else, then all are gone.
 */
static void test_bad_servers(void **state)
{
        _cleanup_(dns_relay_freep) DnsRelay *relay =
                relay_start("nameserver " FIRST "\nnameserver " SECOND "\n");
        _cleanup_close_ int first = open_socket(FIRST, SOCK_STREAM, true);
        _cleanup_close_ int second = open_socket(SECOND, SOCK_STREAM, true);
        _cleanup_close_ int fd = open_socket(HERE, SOCK_STREAM, false);
        int server;
        Stream s;

        (void)run_until(relay, fd, 50);
        ask(fd, 1, "example.com");
        server = serve(relay, first, &s);
        assert_int_equal(close(server), 0);
        server = serve(relay, second, &s);
        s.data[2] ^= 1;
        s.size = make_answer(s.data + 2, s.size, DNS_NOERROR);
        write_message(server, &s);
        expect_answer(relay, fd, 1, DNS_SERVFAIL);
        assert_int_equal(close(server), 0);
        ask(fd, 2, "example.com"); /* the same connection goes on */
        server = serve(relay, second, &s);
        s.size = make_answer(s.data + 2, s.size, DNS_NOERROR);
        write_message(server, &s);
        expect_answer(relay, fd, 2, DNS_NOERROR);
        assert_int_equal(close(server), 0);
}

static void test_silent_server(void **state)
{
        _cleanup_(dns_relay_freep) DnsRelay *relay =
                relay_start("nameserver " FIRST "\nnameserver 127.0.0.4\n");
        _unused_ _cleanup_close_ int first = open_socket(FIRST, SOCK_STREAM, true);
        _cleanup_close_ int fd = open_socket(HERE, SOCK_STREAM, false);
        uint64_t begin = clock_now_usec();

        (void)run_until(relay, fd, 50);
        ask(fd, 1, "example.com");
        expect_answer(relay, fd, 1, DNS_SERVFAIL);
        assert_true(clock_now_usec() - begin >= 2 * USEC_PER_SEC);
        assert_true(clock_now_usec() - begin < 4 * USEC_PER_SEC);
}

static void test_garbage(void **state)
{
        static const char *const wrong[] = { "\0\0", "\0\5abcde", "\xff\xff", "\0\x0c\0\1\x80\0" };
        static const size_t sizes[] = { 2, 7, 2, 14 };
        _cleanup_(dns_relay_freep) DnsRelay *relay = relay_start("");

        for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
                _cleanup_close_ int fd = open_socket(HERE, SOCK_STREAM, false);
                char data[16] = {};
                Stream s;

                memcpy(data, wrong[i], MIN_OF(sizes[i], 7u));
                (void)run_until(relay, fd, 20);
                assert_int_equal(send(fd, data, sizes[i], 0), (ssize_t)sizes[i]);
                assert_false(read_message(relay, fd, &s));
        }
}

static void test_dripping(void **state)
{
        _cleanup_(dns_relay_freep) DnsRelay *relay = relay_start("");
        _cleanup_close_ int fd = open_socket(HERE, SOCK_STREAM, false);
        uint64_t begin = clock_now_usec();
        Stream s;

        (void)run_until(relay, fd, 50);
        s.size = name_query(s.data + 2, 1, "web", DNS_TYPE_A);
        s.data[0] = 0;
        s.data[1] = (uint8_t)s.size;
        for (size_t i = 0; i < 2 + s.size; i++) {
                assert_int_equal(send(fd, s.data + i, 1, 0), 1);
                (void)run_until(relay, fd, 5);
        }
        expect_answer(relay, fd, 1, DNS_NOERROR);
        while (!run_until(relay, fd, 1000) && clock_now_usec() - begin < 60 * USEC_PER_SEC)
                ; /* says nothing more */
        assert_int_equal(recv(fd, s.data, 1, 0), 0);
        assert_true(clock_now_usec() - begin >= 10 * USEC_PER_SEC);
}

static void test_full(void **state)
{
        _cleanup_(dns_relay_freep) DnsRelay *relay = relay_start("");
        int fds[CONNECTIONS + 1];

        for (unsigned i = 0; i <= CONNECTIONS; i++) {
                fds[i] = open_socket(HERE, SOCK_STREAM, false);
                (void)run_until(relay, fds[i], 20);
                ask(fds[i], (uint16_t)i, "web");
                if (i < CONNECTIONS)
                        expect_answer(relay, fds[i], (uint16_t)i, DNS_NOERROR);
        }
        assert_false(run_until(relay, fds[CONNECTIONS], 100));
        assert_int_equal(close(fds[3]), 0); /* makes room */
        expect_answer(relay, fds[CONNECTIONS], CONNECTIONS, DNS_NOERROR);
        for (unsigned i = 0; i <= CONNECTIONS; i++)
                if (i != 3)
                        assert_int_equal(close(fds[i]), 0);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_own_names),   cmocka_unit_test(test_large),
                cmocka_unit_test(test_bad_servers), cmocka_unit_test(test_silent_server),
                cmocka_unit_test(test_garbage),     cmocka_unit_test(test_dripping),
                cmocka_unit_test(test_full),
        };
        int r = network_enter();

        return r != 0 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
