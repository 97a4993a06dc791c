/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Questions by UDP, seen from the machine and from the host's name servers. */

#include "relayed.h"

#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define MANY 300
#define IN_FLIGHT 256

typedef struct Peer {
        struct sockaddr_in address;
        uint8_t data[8192];
        size_t size;
} Peer;

static void ask(int fd, uint16_t id, const char *name, unsigned type)
{
        uint8_t query[DNS_UDP_SIZE];
        size_t n = name_query(query, id, name, type);

        assert_int_equal(send(fd, query, n, 0), (ssize_t)n);
}

static void expect_answer(DnsRelay *relay, int fd, uint16_t id, DnsRcode rcode, unsigned records)
{
        uint8_t data[8192];
        ssize_t n;

        assert_true(run_until(relay, fd, 20000));
        n = recv(fd, data, sizeof(data), 0);
        assert_true(n >= DNS_HEADER_SIZE);
        assert_int_equal(dns_message_id(data), id);
        assert_int_equal(dns_message_rcode(data), rcode);
        assert_int_equal(data[7], records);
}

/* What the server gets within @milliseconds. */
static bool serve(DnsRelay *relay, int fd, Peer *ret, int milliseconds)
{
        socklen_t length = sizeof(ret->address);
        ssize_t n;

        if (!run_until(relay, fd, milliseconds))
                return false;
        n = recvfrom(fd, ret->data, sizeof(ret->data), 0, (struct sockaddr *)&ret->address,
                     &length);
        assert_true(n > 0);
        ret->size = (size_t)n;
        return true;
}

static void reply(int fd, Peer *to, DnsRcode rcode)
{
        size_t n = make_answer(to->data, to->size, rcode);

        assert_int_equal(
                sendto(fd, to->data, n, 0, (struct sockaddr *)&to->address, sizeof(to->address)),
                (ssize_t)n);
}

static void test_own_names(void **state)
{
        _cleanup_(dns_relay_freep) DnsRelay *relay = relay_start("");
        _cleanup_close_ int fd = open_socket(HERE, SOCK_DGRAM, false);
        _cleanup_close_ int fd6 = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
                                   .sin6_port = htons(DNS_PORT),
                                   .sin6_addr = IN6ADDR_LOOPBACK_INIT };

        ask(fd, 1, "web", DNS_TYPE_A);
        expect_answer(relay, fd, 1, DNS_NOERROR, 1);
        ask(fd, 2, "no.stead.internal", DNS_TYPE_A);
        expect_answer(relay, fd, 2, DNS_NXDOMAIN, 0);
        ask(fd, 3, "2.0.64.100.in-addr.arpa", DNS_TYPE_PTR);
        expect_answer(relay, fd, 3, DNS_NOERROR, 1);
        assert_int_equal(connect(fd6, (struct sockaddr *)&v6, sizeof(v6)), 0);
        ask(fd6, 4, "web.stead.internal", DNS_TYPE_AAAA);
        expect_answer(relay, fd6, 4, DNS_NOERROR, 1);
}

static void test_garbage(void **state)
{
        _cleanup_(dns_relay_freep) DnsRelay *relay = relay_start("");
        _cleanup_close_ int fd = open_socket(HERE, SOCK_DGRAM, false);
        uint8_t data[4000] = "\0\7\1\0\0\2\0\0\0\0\0\0";
        uint8_t update[] = "\0\x09\x28\0\0\1\0\0\0\0\0\0";

        assert_int_equal(send(fd, "", 0, 0), 0);
        assert_int_equal(send(fd, data, 5, 0), 5);
        assert_false(run_until(relay, fd, 50));
        assert_int_equal(send(fd, data, sizeof(data), 0), sizeof(data));
        expect_answer(relay, fd, 7, DNS_FORMERR, 0);
        assert_int_equal(send(fd, update, 12, 0), 12);
        expect_answer(relay, fd, 9, DNS_NOTIMP, 0);
        (void)name_query(data, 8, "example.com", DNS_TYPE_A); /* with much behind it */
        assert_int_equal(send(fd, data, 1300, 0), 1300);
        expect_answer(relay, fd, 8, DNS_REFUSED, 0);
}

/* As getaddrinfo() does it: both at once from one socket; answers come in any order. */
static void test_pair(void **state)
{
        _cleanup_(dns_relay_freep) DnsRelay *relay = relay_start("nameserver " FIRST "\n");
        _cleanup_close_ int fd = open_socket(HERE, SOCK_DGRAM, false);
        _cleanup_close_ int server = open_socket(FIRST, SOCK_DGRAM, true);
        uint8_t expected[DNS_UDP_SIZE], data[DNS_UDP_SIZE];
        size_t n = name_query(expected, 2, "Example.Com", DNS_TYPE_AAAA);
        Peer a, b;

        ask(fd, 1, "Example.Com", DNS_TYPE_A);
        ask(fd, 2, "Example.Com", DNS_TYPE_AAAA);
        assert_true(serve(relay, server, &a, 20000) && serve(relay, server, &b, 20000));
        assert_true(a.address.sin_port != b.address.sin_port);
        assert_memory_equal(b.data + 2, expected + 2, n - 2); /* but for the id as it was */
        reply(server, &b, DNS_NOERROR);
        n = make_answer(expected, n, DNS_NOERROR);
        assert_true(run_until(relay, fd, 20000));
        assert_int_equal(recv(fd, data, sizeof(data), 0), (ssize_t)n);
        assert_memory_equal(data, expected, n);
        reply(server, &a, DNS_NXDOMAIN);
        expect_answer(relay, fd, 1, DNS_NXDOMAIN, 0);
}

static void test_silent_server(void **state)
{
        _cleanup_(dns_relay_freep) DnsRelay *relay =
                relay_start("nameserver " FIRST "\nnameserver " SECOND "\n");
        _cleanup_close_ int fd = open_socket(HERE, SOCK_DGRAM, false);
        _cleanup_close_ int first = open_socket(FIRST, SOCK_DGRAM, true);
        _cleanup_close_ int second = open_socket(SECOND, SOCK_DGRAM, true);
        uint64_t begin = clock_now_usec();
        Peer p;

        ask(fd, 1, "example.com", DNS_TYPE_A);
        assert_true(serve(relay, first, &p, 20000));
        assert_true(serve(relay, second, &p, 20000));
        assert_true(clock_now_usec() - begin >= 2 * USEC_PER_SEC);
        reply(second, &p, DNS_NOERROR);
        expect_answer(relay, fd, 1, DNS_NOERROR, 1);
        /* from now on the second is asked first, and then none: 2 s each */
        begin = clock_now_usec();
        ask(fd, 2, "example.com", DNS_TYPE_A);
        assert_true(serve(relay, second, &p, 20000));
        expect_answer(relay, fd, 2, DNS_SERVFAIL, 0);
        assert_true(clock_now_usec() - begin >= 4 * USEC_PER_SEC);
        assert_true(clock_now_usec() - begin < 20 * USEC_PER_SEC);
}

static void test_dead_server(void **state)
{
        _cleanup_(dns_relay_freep) DnsRelay *relay =
                relay_start("nameserver " FIRST "\nnameserver 192.0.2.1\nnameserver " SECOND "\n");
        _cleanup_close_ int fd = open_socket(HERE, SOCK_DGRAM, false);
        uint64_t took = UINT64_MAX;

        /* nobody listens, no route, nobody listens; on a host that is busy, once in three times */
        for (uint16_t id = 1; id <= 3 && took >= 2 * USEC_PER_SEC; id++) {
                uint64_t begin = clock_now_usec();

                ask(fd, id, "example.com", DNS_TYPE_A);
                expect_answer(relay, fd, id, DNS_SERVFAIL, 0);
                took = clock_now_usec() - begin;
        }
        assert_true(took < 2 * USEC_PER_SEC); /* did not wait for any */
}

static void test_failing_server(void **state)
{
        _cleanup_(dns_relay_freep) DnsRelay *relay =
                relay_start("nameserver " FIRST "\nnameserver " SECOND "\n");
        _cleanup_close_ int fd = open_socket(HERE, SOCK_DGRAM, false);
        _cleanup_close_ int first = open_socket(FIRST, SOCK_DGRAM, true);
        _cleanup_close_ int second = open_socket(SECOND, SOCK_DGRAM, true);
        Peer p;

        ask(fd, 1, "example.com", DNS_TYPE_A);
        assert_true(serve(relay, first, &p, 20000));
        reply(first, &p, DNS_REFUSED);
        assert_true(serve(relay, second, &p, 20000));
        reply(second, &p, DNS_REFUSED); /* the last word */
        expect_answer(relay, fd, 1, DNS_REFUSED, 0);
}

static void test_spoofed(void **state)
{
        _cleanup_(dns_relay_freep) DnsRelay *relay = relay_start("nameserver " FIRST "\n");
        _cleanup_close_ int fd = open_socket(HERE, SOCK_DGRAM, false);
        _cleanup_close_ int server = open_socket(FIRST, SOCK_DGRAM, true);
        _cleanup_close_ int other = open_socket(SECOND, SOCK_DGRAM, true);
        Peer p, wrong;

        ask(fd, 1, "example.com", DNS_TYPE_A);
        assert_true(serve(relay, server, &p, 20000));
        wrong = p;
        reply(other, &wrong, DNS_NOERROR); /* another source */
        wrong = p;
        wrong.data[0] ^= 1;
        reply(server, &wrong, DNS_NOERROR); /* another id */
        wrong = p;
        wrong.data[DNS_HEADER_SIZE + 1] = 'f';
        reply(server, &wrong, DNS_NOERROR); /* another question */
        assert_int_equal(
                sendto(server, "x", 1, 0, (struct sockaddr *)&p.address, sizeof(p.address)), 1);
        assert_false(run_until(relay, fd, 100));
        reply(server, &p, DNS_NOERROR);
        expect_answer(relay, fd, 1, DNS_NOERROR, 1);
}

static void test_truncated(void **state)
{
        _cleanup_(dns_relay_freep) DnsRelay *relay = relay_start("nameserver " FIRST "\n");
        _cleanup_close_ int fd = open_socket(HERE, SOCK_DGRAM, false);
        _cleanup_close_ int server = open_socket(FIRST, SOCK_DGRAM, true);
        uint8_t data[8192];
        Peer p;

        for (unsigned i = 0; i < 2; i++) {
                ask(fd, (uint16_t)i, "example.com", DNS_TYPE_A);
                assert_true(serve(relay, server, &p, 20000));
                /* said by the server; and by the relay, since it is too large for it */
                p.data[2] = i == 0 ? 0x83 : 0x81;
                assert_int_equal(sendto(server, p.data, i == 0 ? p.size : 8000, 0,
                                        (struct sockaddr *)&p.address, sizeof(p.address)),
                                 i == 0 ? (ssize_t)p.size : 8000);
                assert_true(run_until(relay, fd, 20000));
                assert_int_equal(recv(fd, data, sizeof(data), 0), (ssize_t)p.size);
                assert_int_equal(dns_message_id(data), i);
                assert_int_equal(data[2] & 2, 2);
        }
}

static void test_many(void **state)
{
        _cleanup_(dns_relay_freep) DnsRelay *relay = relay_start("nameserver " FIRST "\n");
        _cleanup_close_ int fd = open_socket(HERE, SOCK_DGRAM, false);
        _cleanup_close_ int server = open_socket(FIRST, SOCK_DGRAM, true);
        _cleanup_free_ Peer *peers = calloc(MANY, sizeof(Peer));
        unsigned n = 0;

        assert_non_null(peers);
        for (unsigned i = 0; i < MANY; i++) {
                ask(fd, (uint16_t)i, "example.com", DNS_TYPE_A);
                assert_true(serve(relay, server, &peers[i], 20000));
        }
        for (unsigned i = 0; i < MANY; i++) {
                reply(server, &peers[i], DNS_NOERROR);
                if (i < MANY - IN_FLIGHT)
                        continue; /* the oldest, which had to go */
                expect_answer(relay, fd, (uint16_t)i, DNS_NOERROR, 1);
                n++;
        }
        assert_int_equal(n, IN_FLIGHT);
        assert_false(run_until(relay, fd, 50));
}

static void test_change(void **state)
{
        _cleanup_(dns_relay_freep) DnsRelay *relay = relay_start("nameserver " FIRST "\n");
        _cleanup_close_ int fd = open_socket(HERE, SOCK_DGRAM, false);
        _cleanup_close_ int first = open_socket(FIRST, SOCK_DGRAM, true);
        _cleanup_close_ int second = open_socket(SECOND, SOCK_DGRAM, true);
        Peer p;

        ask(fd, 1, "example.com", DNS_TYPE_A);
        assert_true(serve(relay, first, &p, 20000));
        put_servers("nameserver " SECOND "\n");
        assert_false(run_until(relay, fd, 1100)); /* it looks once a second */
        ask(fd, 2, "example.com", DNS_TYPE_A);
        assert_true(serve(relay, second, &p, 20000));
        reply(second, &p, DNS_NOERROR);
        expect_answer(relay, fd, 2, DNS_NOERROR, 1);
        expect_answer(relay, fd, 1, DNS_SERVFAIL, 0); /* was asked of the only one of its time */
}

static void test_share(void **state)
{
        _cleanup_(dns_relay_freep) DnsRelay *relay = relay_start(""), *other = relay_start("");
        _cleanup_close_ int fd = open_socket(HERE, SOCK_DGRAM, false);
        bool answered = false;

        ask(fd, 1, "web", DNS_TYPE_A);
        for (int i = 0; i < 100 && !answered; i++)
                answered = run_until(i % 2 ? other : relay, fd, 100);
        assert_true(answered);
        other = dns_relay_free(other);
        ask(fd, 2, "web", DNS_TYPE_A); /* the one that is left gets all */
        expect_answer(relay, fd, 1, DNS_NOERROR, 1);
        expect_answer(relay, fd, 2, DNS_NOERROR, 1);
}

static void test_errors(void **state)
{
        _cleanup_error_ Error missing = ERROR_NULL, taken = ERROR_NULL;
        _unused_ _cleanup_close_ int server = open_socket("0.0.0.0", SOCK_STREAM, true);
        struct in_addr v4 = { .s_addr = inet_addr(HERE) };
        DnsRelayConfig config = { .interface = "no-such-link", .v4 = &v4 };
        DnsRelay *relay = NULL;

        assert_int_equal(dns_relay_new(&config, &relay, &missing), -ENODEV);
        assert_string_equal(missing.message,
                            "Failed to answer names on 'no-such-link', address " HERE
                            " port 53: No such device");
        config.interface = "lo";
        assert_int_equal(dns_relay_new(&config, &relay, &taken), -EADDRINUSE);
        assert_null(relay);
}

/* A helper that the supervisor has forked holds the socket of a question that is over. */
static void test_helper(void **state)
{
        _cleanup_(dns_relay_freep) DnsRelay *relay = relay_start("nameserver " FIRST "\n");
        _cleanup_close_ int fd = open_socket(HERE, SOCK_DGRAM, false);
        _cleanup_close_ int server = open_socket(FIRST, SOCK_DGRAM, true);
        struct pollfd p = { .fd = dns_relay_fd(relay), .events = POLLIN };
        Peer peer, again;
        pid_t pid;

        ask(fd, 1, "example.com", DNS_TYPE_A);
        assert_true(serve(relay, server, &peer, 20000));
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                        _exit(EXIT_FAILURE);
                for (;;)
                        (void)pause();
        }
        again = peer;
        reply(server, &peer, DNS_NOERROR);
        expect_answer(relay, fd, 1, DNS_NOERROR, 1);
        reply(server, &again, DNS_NOERROR);
        assert_int_equal(poll(&p, 1, 50), 0);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_memory(void **state)
{
        size_t before = mallinfo2().uordblks;
        _cleanup_(dns_relay_freep) DnsRelay *relay = relay_start("");
        _cleanup_close_ int fd = open_socket(HERE, SOCK_DGRAM, false);

        ask(fd, 1, "web", DNS_TYPE_A);
        expect_answer(relay, fd, 1, DNS_NOERROR, 1);
        assert_true(mallinfo2().uordblks - before < 16384);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_own_names),   cmocka_unit_test(test_garbage),
                cmocka_unit_test(test_pair),        cmocka_unit_test(test_silent_server),
                cmocka_unit_test(test_dead_server), cmocka_unit_test(test_failing_server),
                cmocka_unit_test(test_spoofed),     cmocka_unit_test(test_truncated),
                cmocka_unit_test(test_many),        cmocka_unit_test(test_change),
                cmocka_unit_test(test_share),       cmocka_unit_test(test_errors),
                cmocka_unit_test(test_helper),      cmocka_unit_test(test_memory),
        };
        int r = network_enter();

        return r != 0 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
