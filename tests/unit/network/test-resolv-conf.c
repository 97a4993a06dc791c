/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which servers are read from which text, and when a file is read again. */

#include "network/resolv-conf.h"

#include "net-world.h"

#include "base/parse.h"

#include <arpa/inet.h>

static const struct {
        const char *text, *expected; /* addresses with a blank behind each */
} rows[] = {
        { "", "" },
        { "nameserver 127.0.0.53\n", "127.0.0.53 " },
        { "nameserver 127.0.0.53", "127.0.0.53 " },
        { "# nameserver 1.1.1.1\n;nameserver 1.1.1.1\nsearch a b\noptions edns0 timeout:1\n"
          "nameserver\t \t9.9.9.9  # mine\nnameserver 2620:fe::fe\r\n",
          "9.9.9.9 2620:fe::fe " },
        { "nameserver 1.1.1.1\nnameserver ::1\nnameserver 1.1.1.3\nnameserver 1.1.1.4\n",
          "1.1.1.1 ::1 1.1.1.3 " },
        { "nameserver\nnameserver \n nameserver 1.1.1.1\nnameserver1.1.1.1\nnameserverx 1.1.1.1\n"
          "nameserver 1.2.3\nnameserver 01.1.1.1\nnameserver x\nnameserver 1.1.1.1%lo\nNAMESERVER "
          "1.1.1.1\nnameserver ::g\nnameserver\n1.1.1.1\n",
          "" },
        { "nameserver fe80::1%lo\nnameserver fe80::2%1\nnameserver fe80::3%no-such-link\n"
          "nameserver fe80::4%\n",
          "fe80::1%1 fe80::2%1 " },
};

static char *print(const SocketAddress *servers, size_t n)
{
        Buffer b = BUFFER_NULL;
        char text[INET6_ADDRSTRLEN];

        for (size_t i = 0; i < n; i++) {
                bool v4 = servers[i].any.sa_family == AF_INET;

                assert_int_equal(ntohs(v4 ? servers[i].v4.sin_port : servers[i].v6.sin6_port), 53);
                buffer_puts(&b, inet_ntop(servers[i].any.sa_family,
                                          v4 ? (const void *)&servers[i].v4.sin_addr
                                             : &servers[i].v6.sin6_addr,
                                          text, sizeof(text)));
                if (!v4 && servers[i].v6.sin6_scope_id != 0)
                        buffer_printf(&b, "%%%u", servers[i].v6.sin6_scope_id);
                buffer_puts(&b, " ");
        }
        return buffer_steal(&b);
}

static void expect(const SocketAddress *servers, size_t n, const char *expected)
{
        _cleanup_free_ char *text = print(servers, n);

        assert_string_equal(text, expected);
}

static void test_parse(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                SocketAddress servers[RESOLV_CONF_SERVERS];

                expect(servers, resolv_conf_parse(rows[i].text, servers), rows[i].expected);
        }
}

static void test_refresh(void **state)
{
        const char *path = "/etc/resolv.conf";
        uint64_t now = 10 * USEC_PER_SEC;
        ResolvConf c = {};

        assert_true(resolv_conf_refresh(&c, path, now));
        expect(c.servers, c.n, "127.0.0.1 "); /* resolv.conf(5) */
        world_put("", path, "nameserver 1.1.1.1\n", 0644);
        assert_false(resolv_conf_refresh(&c, path, now + USEC_PER_SEC - 1)); /* not looked at */
        assert_true(resolv_conf_refresh(&c, path, now + USEC_PER_SEC));
        expect(c.servers, c.n, "1.1.1.1 ");
        assert_false(resolv_conf_refresh(&c, path, now + 3 * USEC_PER_SEC)); /* as before */
        world_put("", "/run/stub.conf", "nameserver 127.0.0.53\n", 0644);
        assert_int_equal(unlink(path), 0);
        world_link("", "../run/stub.conf", path);
        assert_true(resolv_conf_refresh(&c, path, now + 5 * USEC_PER_SEC));
        expect(c.servers, c.n, "127.0.0.53 ");
        world_put("", "/run/stub.conf", "nameserver 127.0.0.54\n", 0644); /* behind the link */
        assert_true(resolv_conf_refresh(&c, path, now + 7 * USEC_PER_SEC));
        expect(c.servers, c.n, "127.0.0.54 ");
        assert_int_equal(unlink("/run/stub.conf"), 0);
        assert_true(resolv_conf_refresh(&c, path, now + 9 * USEC_PER_SEC));
        expect(c.servers, c.n, "127.0.0.1 ");
        assert_int_equal(unlink(path), 0);
        assert_int_equal(mkfifo(path, 0644), 0); /* nothing that keeps us waiting */
        (void)resolv_conf_refresh(&c, path, now + 11 * USEC_PER_SEC);
        expect(c.servers, c.n, "127.0.0.1 ");
        assert_int_equal(unlink(path), 0);
}

static void test_scope(void **state)
{
        const char *path = "/etc/resolv.conf";
        uint64_t now = 10 * USEC_PER_SEC;
        ResolvConf c = {};
        uint32_t first;

        world_put("", path, "nameserver fe80::53%lan0\nnameserver 1.1.1.1\n", 0644);
        assert_true(resolv_conf_refresh(&c, path, now));
        expect(c.servers, c.n, "1.1.1.1 ");
        assert_false(resolv_conf_refresh(&c, path, now + 2 * USEC_PER_SEC));
        assert_true(shell("ip link add lan0 type bridge"));
        assert_true(resolv_conf_refresh(&c, path, now + 4 * USEC_PER_SEC));
        assert_int_equal(c.n, 2);
        first = c.servers[0].v6.sin6_scope_id;
        assert_false(resolv_conf_refresh(&c, path, now + 6 * USEC_PER_SEC));
        assert_true(shell("ip link del lan0; ip link add other0 type bridge;"
                          "ip link add lan0 type bridge"));
        assert_true(resolv_conf_refresh(&c, path, now + 8 * USEC_PER_SEC));
        assert_int_not_equal(c.servers[0].v6.sin6_scope_id, first);
        assert_int_equal(unlink(path), 0);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse),
                cmocka_unit_test(test_refresh),
                ON_HOST(test_scope),
        };
        int r = world_enter() ?: net_world_check();

        return r != 0 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
