/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Queries and answers byte by byte. */

#include "network/dns-message.h"

#include "../unit.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HEADER "\x12\x34\x01\x00\0\1\0\0\0\0\0\0"
#define HEADER_EDNS "\x12\x34\x01\x00\0\1\0\0\0\0\0\1"
#define WEB_A "\3WeB\0\0\1\0\1"
#define OPT_1400 "\0\0\x29\x05\x78\0\0\0\0\0\0"
#define BYTES(s) (const uint8_t *)(s), sizeof(s) - 1

typedef struct Row {
        const char *data;
        size_t size;
        int result;
        const char *name;
        uint16_t type;
} Row;

#define ROW(data, ...)                              \
        {                                           \
                data, sizeof(data) - 1, __VA_ARGS__ \
        }

static const Row rows[] = {
        ROW(HEADER WEB_A, DNS_NOERROR, "web", DNS_TYPE_A),
        ROW(HEADER "\0\0\2\0\1", DNS_NOERROR, "", 2),
        ROW(HEADER "\1a\2bC\0\0\x1c\0\1", DNS_NOERROR, "a.bc", DNS_TYPE_AAAA),
        ROW(HEADER "\4a.b\\\0\0\1\0\1", DNS_NOERROR, "a\\.b\\\\", 1),
        ROW(HEADER "\3\0\xff \0\0\1\0\1", DNS_NOERROR, "\\000\\255\\032", 1),
        ROW(HEADER_EDNS WEB_A OPT_1400, DNS_NOERROR, "web", 1),
        ROW("\x12\x34\x01\x00\0\1\0\0\0\0\0", -EBADMSG, NULL, 0),
        ROW("\x12\x34\x81\x00\0\1\0\0\0\0\0\0" WEB_A, -EBADMSG, NULL, 0), /* an answer */
        ROW("\x12\x34\x28\x00\0\1\0\0\0\0\0\0" WEB_A, DNS_NOTIMP, "", 0), /* an update */
        ROW("\x12\x34\x01\x00\0\2\0\0\0\0\0\0" WEB_A WEB_A, DNS_FORMERR, "", 0),
        ROW("\x12\x34\x01\x00\0\0\0\0\0\0\0\0", DNS_FORMERR, "", 0),
        ROW(HEADER, DNS_FORMERR, "", 0),
        ROW(HEADER "\3web", DNS_FORMERR, "", 0),
        ROW(HEADER "\4web", DNS_FORMERR, "", 0),
        ROW(HEADER "\3web\0\0\1\0", DNS_FORMERR, NULL, 0),
        ROW(HEADER "\xc0\x0c\0\1\0\1", DNS_FORMERR, NULL, 0), /* points to itself */
        ROW(HEADER_EDNS WEB_A, DNS_FORMERR, "web", 1),
        ROW(HEADER_EDNS WEB_A "\0\0\x29\x05\x78\0\0\0\0\0\1", DNS_FORMERR, "web", 1),
        ROW(HEADER_EDNS WEB_A "\xc0", DNS_FORMERR, "web", 1),
        ROW(HEADER_EDNS WEB_A "\1x\0\0\x29\x05\x78\0\0\0\0\0\0", DNS_FORMERR, "web", 1),
        ROW(HEADER_EDNS WEB_A "\0\0\x29\x05\x78\0\1\0\0\0\0", DNS_BADVERS, "web", 1),
};

static void test_parse(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                DnsQuestion q;
                int r = dns_question_parse((const uint8_t *)rows[i].data, rows[i].size, &q);

                if (r != rows[i].result)
                        fail_msg("row %zu: %d", i, r);
                if (r < 0)
                        continue;
                assert_int_equal(q.id, 0x1234);
                if (r == DNS_NOERROR || (rows[i].name && *rows[i].name)) {
                        assert_string_equal(q.name, rows[i].name);
                        assert_int_equal(q.type, rows[i].type);
                }
        }
}

static void test_lengths(void **state)
{
        uint8_t data[DNS_HEADER_SIZE + 300] = { [5] = 1 };
        DnsQuestion q;

        /* three labels of 63 and one of 61: 255 bytes with the root, the longest there is */
        for (unsigned last = 60; last <= 62; last++) {
                uint8_t *p = data + DNS_HEADER_SIZE;

                memset(p, 1, 288);
                for (unsigned i = 0; i < 4; i++) {
                        *p = i < 3 ? 63 : (uint8_t)last;
                        p += 1 + *p;
                }
                memcpy(p, "\0\0\1\0\1", 5);
                assert_int_equal(dns_question_parse(data, (size_t)(p + 5 - data), &q),
                                 last <= 61 ? DNS_NOERROR : DNS_FORMERR);
                if (last <= 61)
                        assert_int_equal(strlen(q.name), 4 * (3 * 63 + last) + 3);
        }
        data[DNS_HEADER_SIZE] = 64; /* neither a length nor a pointer */
        assert_int_equal(dns_question_parse(data, sizeof(data), &q), DNS_FORMERR);
}

static void test_addresses(void **state)
{
        static const char query[] = HEADER_EDNS WEB_A OPT_1400;
        static const char expected[] =
                "\x12\x34\x85\x80\0\1\0\2\0\0\0\1" WEB_A "\xc0\x0c\0\1\0\1\0\0\0\5\0\4\x64\x40\0\2"
                "\xc0\x0c\0\x1c\0\1\0\0\0\5\0\x10"
                "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2"
                "\0\0\x29\x04\xd0\0\0\0\0\0\0";
        uint8_t buffer[DNS_UDP_SIZE];
        DnsQuestion q;
        DnsAnswer a;

        assert_int_equal(dns_question_parse(BYTES(query), &q), DNS_NOERROR);
        assert_int_equal(dns_question_udp_limit(&q, 4096), 1400);
        assert_int_equal(dns_question_udp_limit(&q, 1000), 1000);
        a = dns_answer_begin((const uint8_t *)query, &q, DNS_NOERROR, buffer, sizeof(buffer));
        dns_answer_add_address(&a, "\x64\x40\0\2", 4);
        dns_answer_add_address(&a, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2", 16);
        assert_int_equal(dns_answer_end(&a), sizeof(expected) - 1);
        assert_memory_equal(buffer, expected, sizeof(expected) - 1);
}

static void test_name(void **state)
{
        static const char query[] = HEADER "\1x\0\0\x0c\0\1";
        static const char expected[] = "\x12\x34\x85\x80\0\1\0\1\0\0\0\0\1x\0\0\x0c\0\1"
                                       "\xc0\x0c\0\x0c\0\1\0\0\0\5\0\7\3web\1b\0";
        static const char *const wrong[] = { "", ".", "a..b", "a.", ".a" };
        uint8_t buffer[DNS_UDP_SIZE];
        char label[65];
        DnsQuestion q;
        DnsAnswer a;

        assert_int_equal(dns_question_parse(BYTES(query), &q), DNS_NOERROR);
        a = dns_answer_begin((const uint8_t *)query, &q, DNS_NOERROR, buffer, sizeof(buffer));
        for (size_t i = 0; i < ELEMENTSOF(wrong); i++)
                dns_answer_add_name(&a, wrong[i]);
        memset(label, 'x', 64);
        label[64] = '\0';
        dns_answer_add_name(&a, label);
        dns_answer_add_name(&a, "web.b");
        assert_int_equal(dns_answer_end(&a), sizeof(expected) - 1);
        assert_memory_equal(buffer, expected, sizeof(expected) - 1);
}

static void test_empty(void **state)
{
        static const struct {
                DnsRcode rcode;
                const char *flags;
        } codes[] = {
                { DNS_NOERROR, "\x85\x80" },  { DNS_FORMERR, "\x81\x81" },
                { DNS_SERVFAIL, "\x81\x82" }, { DNS_NXDOMAIN, "\x85\x83" },
                { DNS_REFUSED, "\x81\x85" },
        };
        static const char query[] = HEADER WEB_A;
        static const char update[] = "\x12\x34\x28\x00\0\1\0\0\0\0\0\0" WEB_A;
        uint8_t buffer[DNS_UDP_SIZE];
        DnsQuestion q;

        assert_int_equal(dns_question_parse(BYTES(query), &q), DNS_NOERROR);
        for (size_t i = 0; i < ELEMENTSOF(codes); i++) {
                assert_int_equal(dns_answer_empty((const uint8_t *)query, &q, codes[i].rcode,
                                                  buffer, sizeof(buffer)),
                                 sizeof(query) - 1);
                assert_memory_equal(buffer + 2, codes[i].flags, 2);
                assert_memory_equal(buffer + 4, query + 4, sizeof(query) - 5);
        }
        assert_int_equal(dns_question_parse(BYTES(update), &q), DNS_NOTIMP);
        assert_int_equal(
                dns_answer_empty((const uint8_t *)update, &q, DNS_NOTIMP, buffer, sizeof(buffer)),
                DNS_HEADER_SIZE);
        assert_memory_equal(buffer, "\x12\x34\xa8\x84\0\0\0\0\0\0\0\0", DNS_HEADER_SIZE);
}

static void test_truncated(void **state)
{
        static const char query[] = HEADER WEB_A;
        uint8_t buffer[DNS_UDP_SIZE];
        DnsQuestion q;
        DnsAnswer a;

        assert_int_equal(dns_question_parse(BYTES(query), &q), DNS_NOERROR);
        a = dns_answer_begin((const uint8_t *)query, &q, DNS_NOERROR, buffer, sizeof(buffer));
        for (unsigned i = 0; i < 18; i++)
                dns_answer_add_address(&a, "0123456789abcdef", 16);
        assert_true(a.truncated);
        assert_int_equal(dns_answer_end(&a), sizeof(query) - 1);
        assert_memory_equal(buffer, "\x12\x34\x87\x80\0\1\0\0\0\0\0\0", DNS_HEADER_SIZE);
        assert_int_equal(dns_answer_truncated((const uint8_t *)query, &q, buffer),
                         sizeof(query) - 1);
        assert_int_equal(buffer[2] & 2, 2);
}

static void test_matches(void **state)
{
        static const uint8_t *query = (const uint8_t *)HEADER WEB_A;
        static const struct {
                const char *data;
                size_t size;
                bool matches;
        } answers[] = {
                ROW("\x12\x34\x81\x80\0\1\0\0\0\0\0\0\3wEb\0\0\1\0\1", true),
                ROW("\x12\x34\x81\x82\0\0\0\0\0\0\0\0", true),  /* no question, but SERVFAIL */
                ROW("\x12\x34\x81\x80\0\0\0\0\0\0\0\0", false), /* and a success without one */
                ROW("\x12\x34\x81\x83\0\0\0\0\0\0\0\0", false),
                ROW("\x12\x35\x81\x80\0\1\0\0\0\0\0\0\3web\0\0\1\0\1", false),
                ROW("\x12\x34\x01\x80\0\1\0\0\0\0\0\0\3web\0\0\1\0\1", false),
                ROW("\x12\x34\x81\x80\0\1\0\0\0\0\0\0\3wex\0\0\1\0\1", false),
                ROW("\x12\x34\x81\x80\0\1\0\0\0\0\0\0\3web\0\0\x1c\0\1", false),
                ROW("\x12\x34\x81\x80\0\1\0\0\0\0\0\0\3web\0\0\1\0", false),
                ROW("\x12\x34\x81\x80\0\1\0\0\0\0\0", false),
        };
        /* 65 and 97 are types, not letters */
        static const char https[] = HEADER "\1x\0\0\x41\0\1";
        static const char other[] = "\x12\x34\x81\x80\0\1\0\0\0\0\0\0\1x\0\0\x61\0\1";

        for (size_t i = 0; i < ELEMENTSOF(answers); i++)
                if (dns_answer_matches(query, sizeof(HEADER WEB_A) - 1,
                                       (const uint8_t *)answers[i].data,
                                       answers[i].size) != answers[i].matches)
                        fail_msg("answer %zu", i);
        assert_false(dns_answer_matches(BYTES(https), BYTES(other)));
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse),     cmocka_unit_test(test_lengths),
                cmocka_unit_test(test_addresses), cmocka_unit_test(test_name),
                cmocka_unit_test(test_empty),     cmocka_unit_test(test_truncated),
                cmocka_unit_test(test_matches),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
