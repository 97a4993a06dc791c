/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Messages of the DNS (RFC 1035, EDNS of RFC 6891) as far as a relay needs them: the header and the
 * one question of a query, and answers with addresses or a name. Nothing is allocated, and any
 * bytes may come in. Knows no sockets and no machines. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_PORT 53
#define DNS_HEADER_SIZE 12
#define DNS_UDP_SIZE 512   /* without EDNS: RFC 1035, 4.2.1 */
#define DNS_NAME_SIZE 1024 /* a name of 255 bytes as text, each byte of it escaped, and a NUL */

/* TYPE and QTYPE: RFC 1035, 3.2.2 and 3.2.3; RFC 3596; RFC 6891; RFC 1995. */
typedef enum DnsType {
        DNS_TYPE_A = 1,
        DNS_TYPE_PTR = 12,
        DNS_TYPE_AAAA = 28,
        DNS_TYPE_OPT = 41,
        DNS_TYPE_IXFR = 251,
        DNS_TYPE_AXFR = 252,
        DNS_TYPE_MAILB = 253,
        DNS_TYPE_MAILA = 254,
        DNS_TYPE_ANY = 255,
} DnsType;

#define DNS_CLASS_IN 1

/* RFC 1035, 4.1.1; RFC 6891, 9. */
typedef enum DnsRcode {
        DNS_NOERROR = 0,
        DNS_FORMERR = 1,
        DNS_SERVFAIL = 2,
        DNS_NXDOMAIN = 3,
        DNS_NOTIMP = 4,
        DNS_REFUSED = 5,
        DNS_BADVERS = 16,
} DnsRcode;

typedef struct DnsQuestion {
        uint16_t id, flags;   /* of the header */
        uint16_t type, class; /* any number, also ones that DnsType does not list */
        /* Lower case, dotted, without a dot at the end, "" for the root. A dot or a backslash in a
         * label is escaped by a backslash, what is not printable as \DDD. */
        char name[DNS_NAME_SIZE];
        size_t size; /* bytes of header and question; of the header only if that is all to return */
        bool edns;
        uint16_t udp_size; /* the largest answer that the asker takes by UDP */
} DnsQuestion;

/* Reads a query. Returns DNS_NOERROR, or the DnsRcode that it is to be answered with, for which
 * @ret is filled, too; -EBADMSG if it deserves no answer: too short, or an answer itself. */
int dns_question_parse(const uint8_t *data, size_t size, DnsQuestion *ret);

/* Whether @answer is one to @query, whose header and question have @question_size bytes: id,
 * question in any case of letters, or no question beside a code that says why. */
bool dns_answer_matches(const uint8_t *query, size_t question_size, const uint8_t *answer,
                        size_t size);

/* The code in the header of a message of at least DNS_HEADER_SIZE bytes. */
DnsRcode dns_message_rcode(const uint8_t *data);
uint16_t dns_message_id(const uint8_t *data);
void dns_message_set_id(uint8_t *data, uint16_t id);

/* An answer that is being written into somebody's buffer. What does not fit leaves an answer
 * without records that is marked as truncated. */
typedef struct DnsAnswer {
        const DnsQuestion *question;
        uint8_t *data;
        size_t size, limit;
        DnsRcode rcode;
        uint16_t records;
        bool truncated;
} DnsAnswer;

/* @query: the bytes that @question was read from. @buffer takes at least DNS_UDP_SIZE bytes and
 * @limit says how many it takes; for UDP, see dns_question_udp_limit(). */
DnsAnswer dns_answer_begin(const uint8_t *query, const DnsQuestion *question, DnsRcode rcode,
                           uint8_t *buffer, size_t limit);
/* A record A (@size 4) or AAAA (@size 16) of the name in the question. */
void dns_answer_add_address(DnsAnswer *a, const void *address, size_t size);
/* A record PTR. @name is dotted text without escapes; one that is no name is left out. */
void dns_answer_add_name(DnsAnswer *a, const char *name);
/* Returns the size of the whole message. */
size_t dns_answer_end(DnsAnswer *a);

/* How large an answer by UDP may be, not more than @size. */
size_t dns_question_udp_limit(const DnsQuestion *q, size_t size);
/* An answer without records in one call. */
size_t dns_answer_empty(const uint8_t *query, const DnsQuestion *question, DnsRcode rcode,
                        uint8_t *buffer, size_t limit);
/* "Ask again by TCP", for an answer to @query that did not fit. @buffer: DNS_UDP_SIZE bytes. */
size_t dns_answer_truncated(const uint8_t *query, const DnsQuestion *question, uint8_t *buffer);
