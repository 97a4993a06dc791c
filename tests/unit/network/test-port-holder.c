/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who has a port: sockets of the test's own, in a network namespace of its own. */

#include "network/port-holder.h"
#include "os/loopback.h"

#include "../world.h"

#include <arpa/inet.h>
#include <sys/socket.h>

static int hold(int type, const char *address, uint16_t number, bool v6_only)
{
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(number) };
        struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(number) };
        bool v6 = strchr(address, ':');
        int fd = socket(v6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0), only = v6_only;

        assert_true(fd >= 0);
        if (v6) {
                assert_int_equal(inet_pton(AF_INET6, address, &in6.sin6_addr), 1);
                assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)), 0);
                assert_int_equal(bind(fd, (struct sockaddr *)&in6, sizeof(in6)), 0);
        } else {
                assert_int_equal(inet_pton(AF_INET, address, &in.sin_addr), 1);
                assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
        }
        if (type == SOCK_STREAM)
                assert_int_equal(listen(fd, 1), 0);
        return fd;
}

/* The port that is taken, 0 if none is. */
static int taken(int protocol, const char *host, uint16_t first, uint16_t last)
{
        PublishedPort port = {
                .protocol = protocol, .first = first, .last = last, .machine_first = first
        };
        _cleanup_port_holder_ PortHolder holder = PORT_HOLDER_NULL;
        int r;

        assert_int_equal(published_address_parse(host, &port.host), 0);
        r = port_holder_find(&port, &holder);
        assert_true(r >= 0);
        if (r > 0) {
                _cleanup_error_ Error error = ERROR_NULL;

                assert_int_equal(holder.pid, getpid());
                assert_string_equal(holder.command, "test-network-po");
                assert_int_equal(port_holder_refuse(&port, &holder, &error), -EADDRINUSE);
                assert_non_null(
                        strstr(error.message, "of the host is held by test-network-po (pid "));
        }
        return r > 0 ? holder.port : 0;
}

static void test_tcp(void **state)
{
        _cleanup_close_ int one = hold(SOCK_STREAM, "127.0.0.1", 80, false),
                            both = hold(SOCK_STREAM, "::", 81, false),
                            only = hold(SOCK_STREAM, "::", 82, true);

        assert_true(one >= 0 && both >= 0 && only >= 0);
        assert_int_equal(taken(IPPROTO_TCP, "*", 80, 80), 80);
        assert_int_equal(taken(IPPROTO_TCP, "127.0.0.1", 80, 80), 80);
        assert_int_equal(taken(IPPROTO_TCP, "127.0.0.2", 80, 80), 0);
        assert_int_equal(taken(IPPROTO_TCP, "::", 80, 80), 0);
        assert_int_equal(taken(IPPROTO_UDP, "*", 80, 80), 0);
        assert_int_equal(taken(IPPROTO_TCP, "127.0.0.1", 81, 81), 81);
        assert_int_equal(taken(IPPROTO_TCP, "::1", 81, 81), 81);
        assert_int_equal(taken(IPPROTO_TCP, "127.0.0.1", 82, 82), 0);
        assert_int_equal(taken(IPPROTO_TCP, "::1", 82, 82), 82);
        assert_int_equal(taken(IPPROTO_TCP, "*", 82, 5000), 82);
        assert_int_equal(taken(IPPROTO_TCP, "*", 83, 5000), 0);
}

static void test_udp(void **state)
{
        _cleanup_close_ int one = hold(SOCK_DGRAM, "::1", 53, false);

        assert_true(one >= 0);
        assert_int_equal(taken(IPPROTO_UDP, "*", 50, 60), 53);
        assert_int_equal(taken(IPPROTO_UDP, "127.0.0.1", 53, 53), 0);
        assert_int_equal(taken(IPPROTO_TCP, "*", 53, 53), 0);
}

/* A bound socket that does not listen is in nobody's way. */
static void test_client(void **state)
{
        _cleanup_close_ int fd = hold(SOCK_DGRAM, "127.0.0.1", 4000, false);
        struct sockaddr_in to = { .sin_family = AF_INET,
                                  .sin_port = htons(9),
                                  .sin_addr = { htonl(INADDR_LOOPBACK) } };

        assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
        assert_int_equal(taken(IPPROTO_UDP, "*", 4000, 4000), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_tcp),
                cmocka_unit_test(test_udp),
                cmocka_unit_test(test_client),
        };
        int r = world_enter();

        if (r != 0)
                return r;
        if (unshare(CLONE_NEWNET) < 0 || loopback_up() < 0) {
                perror("skipped: the kernel gives no network namespace");
                return WORLD_SKIP;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
