/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which questions are ours, and the code and the number of records that they get. */

#include "names.h"

#include "network/dns-reverse.h"

#define WEB_V6 "2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa"
#define OTHERS -1 /* passed on */

static const struct {
        const char *name;
        unsigned type;
        int rcode;
        unsigned records;
} rows[] = {
        { "web", DNS_TYPE_A, DNS_NOERROR, 1 },
        { "WEB", DNS_TYPE_AAAA, DNS_NOERROR, 1 },
        { "Web.Stead.Internal", DNS_TYPE_A, DNS_NOERROR, 1 },
        { "v4", DNS_TYPE_AAAA, DNS_NOERROR, 0 },
        { "web", 65, DNS_NOERROR, 0 },
        { "a.b.stead.internal", DNS_TYPE_A, DNS_NOERROR, 1 },
        { "a.b", DNS_TYPE_A, OTHERS, 0 }, /* more than one label might be of the outside */
        { "nobody", DNS_TYPE_A, OTHERS, 0 },
        { "nobody", DNS_TYPE_ANY, OTHERS, 0 },
        { "nobody.stead.internal", DNS_TYPE_A, DNS_NXDOMAIN, 0 },
        { "stead.internal", DNS_TYPE_A, DNS_NOERROR, 0 },
        { "xstead.internal", DNS_TYPE_A, OTHERS, 0 },
        { "internal", DNS_TYPE_A, OTHERS, 0 },
        { "example.com", DNS_TYPE_A, OTHERS, 0 },
        { "", 2, OTHERS, 0 },
        { "web", DNS_TYPE_ANY, DNS_REFUSED, 0 },
        { "web.stead.internal", DNS_TYPE_AXFR, DNS_REFUSED, 0 },
        { "stead.internal", DNS_TYPE_AXFR, DNS_REFUSED, 0 },
        { "stead.internal", DNS_TYPE_IXFR, DNS_REFUSED, 0 },
        { "nobody.stead.internal", DNS_TYPE_ANY, DNS_REFUSED, 0 },
        { "broken", DNS_TYPE_A, DNS_SERVFAIL, 0 },
        { "2.0.64.100.in-addr.arpa", DNS_TYPE_PTR, DNS_NOERROR, 1 },
        { "2.0.64.100.in-addr.arpa", DNS_TYPE_A, DNS_NOERROR, 0 },
        { "2.0.64.100.in-addr.arpa", DNS_TYPE_ANY, DNS_REFUSED, 0 },
        { "3.0.64.100.in-addr.arpa", DNS_TYPE_PTR, OTHERS, 0 },
        { WEB_V6, DNS_TYPE_PTR, DNS_NOERROR, 1 },
};

static void test_rows(void **state)
{
        static const DnsZone zone = NAMES_ZONE;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                uint8_t query[DNS_UDP_SIZE], answer[DNS_UDP_SIZE] = {};
                DnsQuestion q;
                size_t n, size = name_query(query, 7, rows[i].name, rows[i].type);

                assert_int_equal(dns_question_parse(query, size, &q), DNS_NOERROR);
                n = dns_zone_answer(&zone, query, &q, answer, sizeof(answer));
                if ((n == 0) != (rows[i].rcode == OTHERS) ||
                    (n > 0 && ((int)dns_message_rcode(answer) != rows[i].rcode ||
                               answer[7] != rows[i].records)))
                        fail_msg("row %zu, '%s': %zu bytes, code %d", i, rows[i].name, n,
                                 (int)dns_message_rcode(answer));
        }
}

static void test_class(void **state)
{
        static const DnsZone zone = NAMES_ZONE;
        uint8_t query[DNS_UDP_SIZE], answer[DNS_UDP_SIZE];
        size_t size = name_query(query, 7, "web", DNS_TYPE_A);
        DnsQuestion q;

        query[size - 1] = 3; /* CHAOS */
        assert_int_equal(dns_question_parse(query, size, &q), DNS_NOERROR);
        assert_int_equal(dns_zone_answer(&zone, query, &q, answer, sizeof(answer)), size);
        assert_int_equal(dns_message_rcode(answer), DNS_REFUSED);
}

static void test_crowd(void **state)
{
        static const DnsZone zone = NAMES_ZONE;
        uint8_t query[DNS_UDP_SIZE], answer[4096];
        size_t size = name_query(query, 7, "crowd", DNS_TYPE_AAAA);
        DnsQuestion q;

        assert_int_equal(dns_question_parse(query, size, &q), DNS_NOERROR);
        assert_int_equal(dns_zone_answer(&zone, query, &q, answer, DNS_UDP_SIZE), size);
        assert_int_equal(answer[2] & 2, 2); /* truncated */
        assert_int_equal(dns_zone_answer(&zone, query, &q, answer, sizeof(answer)),
                         size + DNS_HOST_ADDRESSES * 28);
}

static void test_reverse(void **state)
{
        static const char *const wrong[] = {
                "",
                "in-addr.arpa",
                "0.64.100.in-addr.arpa",
                "2.0.64.100.in-addr.arpa.x",
                "1.2.0.64.100.in-addr.arpa",
                "02.0.64.100.in-addr.arpa",
                "256.0.64.100.in-addr.arpa",
                "0002.0.64.100.in-addr.arpa",
                "a.0.64.100.in-addr.arpa",
                "2..64.100.in-addr.arpa",
                "2.0.0.ip6.arpa",
                "0." WEB_V6,
                "g.0." WEB_V6,
                "2.0.64.100.ip6.arpa",
        };
        char text[INET6_ADDRSTRLEN];
        IpAddress a = {};

        for (size_t i = 0; i < ELEMENTSOF(wrong); i++)
                assert_int_equal(dns_reverse_parse(wrong[i], &a), -EINVAL);
        assert_int_equal(dns_reverse_parse("255.10.0.1.in-addr.arpa", &a), 0);
        assert_int_equal(a.family, AF_INET);
        assert_string_equal(inet_ntop(AF_INET, &a.v4, text, sizeof(text)), "1.0.10.255");
        assert_int_equal(dns_reverse_parse(WEB_V6, &a), 0);
        assert_int_equal(a.family, AF_INET6);
        assert_string_equal(inet_ntop(AF_INET6, &a.v6, text, sizeof(text)), "fd00::2");
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rows),
                cmocka_unit_test(test_class),
                cmocka_unit_test(test_crowd),
                cmocka_unit_test(test_reverse),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
