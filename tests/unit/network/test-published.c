/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of published ports: round trip, refusals, and who may have a port. */

#include "network/published-list.h"

#include "../world.h"

static PublishedPort port(int protocol, const char *host, uint16_t first, uint16_t last)
{
        PublishedPort p = { .protocol = protocol, .first = first, .last = last };

        assert_int_equal(published_address_parse(host, &p.host), 0);
        p.machine_first = first;
        return p;
}

static void test_round_trip(void **state)
{
        static const char text[] = "INTERFACE=ve-web\n"
                                   "MASQUERADE=no\n"
                                   "REPLACES=yes\n"
                                   "ADDRESS=100.64.0.2\n"
                                   "ADDRESS=fd00:1::2\n"
                                   "PORT=tcp * 8080 8090 80\n"
                                   "PORT=udp 127.0.0.1 53 53 53\n"
                                   "PORT=tcp ::1 8080 8080 81\n"
                                   "PORT=tcp 0.0.0.0 65535 65535 65535\n";
        _cleanup_published_ Published p = PUBLISHED_NULL;
        _cleanup_free_ char *again = NULL;

        assert_int_equal(published_parse("web", text, &p, NULL), 0);
        assert_string_equal(p.machine, "web");
        assert_int_equal(p.n_ports, 4);
        again = published_format(&p);
        assert_string_equal(again, text);
}

static void test_unknown_keys(void **state)
{
        _cleanup_published_ Published p = PUBLISHED_NULL;

        assert_int_equal(published_parse("x", "\nLATER=1 2 3\n\nINTERFACE=ve-x\n", &p, NULL), 0);
        assert_true(p.masquerade);
        assert_int_equal(p.n_ports, 0);
}

static void test_refused(void **state)
{
        static const char *const texts[] = {
                "",
                "no equals sign",
                "INTERFACE=\n",
                "INTERFACE=sixteen-letters-\n",
                "INTERFACE=a b\n",
                "INTERFACE=v*\n",
                "INTERFACE=x\"; flush ruleset\n",
                "INTERFACE=x\nADDRESS=*\n",
                "INTERFACE=x\nADDRESS=0.0.0.0\n",
                "INTERFACE=x\nADDRESS=1.2.3.4/24\n",
                "INTERFACE=x\nADDRESS=fe80::1%x\n",
                "INTERFACE=x\nMASQUERADE=perhaps\n",
                "INTERFACE=x\nPORT=tcp * 80 80\n",
                "INTERFACE=x\nPORT=tcp * 80 80 80 80\n",
                "INTERFACE=x\nPORT=icmp * 80 80 80\n",
                "INTERFACE=x\nPORT=tcp host 80 80 80\n",
                "INTERFACE=x\nPORT=tcp * 0 80 80\n",
                "INTERFACE=x\nPORT=tcp * 80 65536 80\n",
                "INTERFACE=x\nPORT=tcp * 81 80 80\n",
                "INTERFACE=x\nPORT=tcp * 80 90 65530\n",
                "INTERFACE=x\nPORT=tcp * -1 80 80\n",
                "INTERFACE=x\nPORT=tcp * 80 90 80\nPORT=tcp * 85 85 1\n",
                "INTERFACE=x\nPORT=tcp * 80 80 80\nPORT=tcp 0.0.0.0 80 80 1\n",
                "INTERFACE=x\nPORT=tcp ::1 80 80 80\nPORT=tcp 0::1 80 80 1\n",
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_published_ Published p = PUBLISHED_NULL;
                _cleanup_error_ Error error = ERROR_NULL;

                assert_int_equal(published_parse("x", texts[i], &p, &error), -EBADMSG);
                assert_non_null(error.message);
                assert_null(p.machine);
        }
}

static void test_overlap(void **state)
{
        PublishedPort any = port(IPPROTO_TCP, "*", 80, 90),
                      any4 = port(IPPROTO_TCP, "0.0.0.0", 80, 80),
                      any6 = port(IPPROTO_TCP, "::", 90, 90),
                      one4 = port(IPPROTO_TCP, "1.2.3.4", 80, 80),
                      two4 = port(IPPROTO_TCP, "1.2.3.5", 80, 80),
                      one6 = port(IPPROTO_TCP, "::1", 90, 90), udp = port(IPPROTO_UDP, "*", 80, 90),
                      next = port(IPPROTO_TCP, "*", 91, 99);

        assert_true(published_port_overlaps(&any, &any4) && published_port_overlaps(&any6, &any));
        assert_true(published_port_overlaps(&any, &one4) && published_port_overlaps(&one6, &any));
        assert_true(published_port_overlaps(&any4, &one4) && published_port_overlaps(&one6, &any6));
        assert_true(published_port_overlaps(&one4, &one4));
        assert_false(published_port_overlaps(&one4, &two4) ||
                     published_port_overlaps(&any4, &any6));
        assert_false(published_port_overlaps(&any, &udp) || published_port_overlaps(&any, &next));
        assert_false(published_port_overlaps(&any4, &one6));
}

static void write_one(int dirfd, const char *machine, const char *text)
{
        _cleanup_published_ Published p = PUBLISHED_NULL;

        assert_int_equal(published_parse(machine, text, &p, NULL), 0);
        assert_int_equal(published_write(dirfd, &p, NULL), 0);
}

static void test_directory(void **state)
{
        _cleanup_close_ int dirfd = published_open_directory(NULL);
        _cleanup_published_list_ PublishedList list = PUBLISHED_LIST_NULL;
        _cleanup_published_ Published p = PUBLISHED_NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        const char *holder = NULL;

        assert_true(dirfd >= 0);
        write_one(dirfd, "web", "INTERFACE=ve-web\nPORT=tcp * 80 89 80\n");
        write_one(dirfd, "db", "INTERFACE=ve-db\nPORT=tcp 127.0.0.1 5432 5432 5432\n");
        world_put(PUBLISHED_DIRECTORY, "/broken", "INTERFACE=%s%n\n", 0644);
        world_put(PUBLISHED_DIRECTORY, "/.web.77.tmp", "INTERF", 0644);
        world_link(PUBLISHED_DIRECTORY, "web", "/copy");
        assert_int_equal(published_list_read(dirfd, &list, NULL), 0);
        assert_int_equal(list.n, 2);
        assert_string_equal(list.items[0].machine, "db");
        assert_false(published_list_find(&list, "web")->replaces);
        assert_int_equal(published_find(dirfd, "WEB", &p), 0);
        assert_string_equal(p.machine, "web");
        published_done(&p);
        write_one(dirfd, "WEB", "INTERFACE=ve-WEB\n");
        assert_int_equal(published_find(dirfd, "WEB", &p), 0);
        assert_string_equal(p.interface, "ve-WEB");
        published_done(&p);
        assert_int_equal(published_remove(dirfd, "WEB"), 0);
        assert_int_equal(published_find(dirfd, "webs", &p), -ENOENT);

        assert_int_equal(
                published_parse("new", "INTERFACE=ve-n\nPORT=tcp 1.2.3.4 85 99 1\n", &p, NULL), 0);
        assert_int_equal(published_list_check(&list, &p, &holder, &error), -EADDRINUSE);
        assert_string_equal(holder, "web");
        assert_string_equal(error.message, "Port 85/tcp of the host is published by machine 'web'");
        /* its own ports are no one else's */
        assert_int_equal(published_list_check(&list, published_list_find(&list, "web"), NULL, NULL),
                         0);
}

static void test_left_over(void **state)
{
        _cleanup_close_ int dirfd = published_open_directory(NULL);
        _cleanup_published_ Published p = PUBLISHED_NULL;

        write_one(dirfd, "twice", "INTERFACE=ve-web\n");
        write_one(dirfd, "twice", "INTERFACE=ve-web\n");
        assert_int_equal(published_read(dirfd, "twice", &p, NULL), 0);
        assert_true(p.replaces);
        assert_int_equal(published_remove(dirfd, "twice"), 0);
        assert_int_equal(published_remove(dirfd, "twice"), 0);
        assert_int_equal(published_read(dirfd, "twice", &p, NULL), -ENOENT);
        assert_int_equal(published_read(dirfd, "../x", &p, NULL), -EINVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip), cmocka_unit_test(test_unknown_keys),
                cmocka_unit_test(test_refused),    cmocka_unit_test(test_overlap),
                cmocka_unit_test(test_directory),  cmocka_unit_test(test_left_over),
        };
        int r = world_enter();

        return r != 0 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
