/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading is strict: whoever sends a broken query hears so, and it is never passed on. */

#include "network/dns-message.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LABEL_MAX 63       /* RFC 1035, 2.3.4 */
#define WIRE_NAME_MAX 255  /* the same */
#define POINTER 0xc0       /* RFC 1035, 4.1.4 */
#define QUESTION_AT 0xc00c /* a pointer to the name in the question */
#define TTL 5              /* seconds: a machine may get another address at its next start */
#define OPT_SIZE 11
#define OUR_UDP_SIZE 1232 /* DNS flag day 2020: is never fragmented */

#define FLAG_ANSWER 0x8000
#define FLAG_OPCODE 0x7800
#define FLAG_AUTHORITATIVE 0x0400
#define FLAG_TRUNCATED 0x0200
#define FLAG_RECURSE 0x0100
#define FLAG_RECURSES 0x0080
#define FLAG_NO_CHECK 0x0010 /* CD: RFC 4035, 3.2.2 */
#define FLAG_RCODE 0x000f

static uint16_t get16(const uint8_t *p)
{
        return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, unsigned value)
{
        p[0] = (uint8_t)(value >> 8);
        p[1] = (uint8_t)value;
}

uint16_t dns_message_id(const uint8_t *data)
{
        return get16(data);
}

void dns_message_set_id(uint8_t *data, uint16_t id)
{
        put16(data, id);
}

DnsRcode dns_message_rcode(const uint8_t *data)
{
        return (DnsRcode)(get16(data + 2) & FLAG_RCODE);
}

static uint8_t lower(uint8_t c)
{
        return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 'a' - 'A') : c;
}

/* @out has room for the four bytes of "\DDD" and a NUL. Returns how many were written. */
static size_t escape_byte(uint8_t c, char *out)
{
        size_t n = 0;

        if (c <= ' ' || c >= 0x7f)
                return (size_t)sprintf(out, "\\%03u", (unsigned)c);
        if (c == '.' || c == '\\')
                out[n++] = '\\';
        out[n++] = (char)lower(c);
        return n;
}

/* The name at @data as text. Returns its bytes on the wire, or -EBADMSG; a pointer has nothing to
 * point to in the first name of a message. */
static int read_name(const uint8_t *data, size_t size, char *text)
{
        size_t at = 0, n = 0;

        for (;;) {
                size_t length = at < size ? data[at++] : SIZE_MAX;

                if (length == 0)
                        break;
                /* one byte for the root label that must still come */
                if (length > LABEL_MAX || length > size - at || at + length + 1 > WIRE_NAME_MAX)
                        return -EBADMSG;
                if (n > 0)
                        text[n++] = '.';
                for (size_t i = 0; i < length; i++)
                        n += escape_byte(data[at + i], text + n);
                at += length;
        }
        text[n] = '\0';
        return (int)at;
}

/* Where the name at @at ends; 0: nowhere. */
static size_t skip_name(const uint8_t *data, size_t size, size_t at)
{
        while (at < size) {
                uint8_t length = data[at];

                if (length == 0)
                        return at + 1;
                if ((length & POINTER) == POINTER)
                        return size - at >= 2 ? at + 2 : 0;
                if (length > LABEL_MAX)
                        return 0;
                at += 1 + (size_t)length;
        }
        return 0;
}

/* RFC 6891, 6.1.1: one OPT at most, at the root. */
static DnsRcode read_option(const uint8_t *data, size_t at, size_t record, DnsQuestion *q)
{
        if (q->edns || data[at] != 0)
                return DNS_FORMERR;
        q->edns = true;
        if (get16(data + record + 2) > DNS_UDP_SIZE)
                q->udp_size = get16(data + record + 2);
        return data[record + 5] == 0 ? DNS_NOERROR : DNS_BADVERS;
}

/* What follows the question has to be whole, although nothing of it but OPT matters to us. */
static DnsRcode read_records(const uint8_t *data, size_t size, DnsQuestion *q)
{
        unsigned n = get16(data + 6) + get16(data + 8) + get16(data + 10);
        DnsRcode rcode = DNS_NOERROR;

        for (size_t at = q->size; n > 0; n--) {
                size_t record = skip_name(data, size, at), end;

                if (record == 0 || size - record < 10)
                        return DNS_FORMERR;
                end = record + 10 + get16(data + record + 8);
                if (end > size)
                        return DNS_FORMERR;
                if (get16(data + record) == DNS_TYPE_OPT && rcode == DNS_NOERROR)
                        rcode = read_option(data, at, record, q);
                at = end;
        }
        return rcode;
}

int dns_question_parse(const uint8_t *data, size_t size, DnsQuestion *ret)
{
        int n;

        if (size < DNS_HEADER_SIZE || (get16(data + 2) & FLAG_ANSWER))
                return -EBADMSG;
        *ret = (DnsQuestion){ .id = get16(data),
                              .flags = get16(data + 2),
                              .size = DNS_HEADER_SIZE,
                              .udp_size = DNS_UDP_SIZE };
        if (ret->flags & FLAG_OPCODE)
                return DNS_NOTIMP;
        if (get16(data + 4) != 1) /* more than one was never used: RFC 9619 */
                return DNS_FORMERR;
        n = read_name(data + DNS_HEADER_SIZE, size - DNS_HEADER_SIZE, ret->name);
        if (n < 0 || size - DNS_HEADER_SIZE - (size_t)n < 4)
                return DNS_FORMERR;
        ret->size = DNS_HEADER_SIZE + (size_t)n + 4;
        ret->type = get16(data + ret->size - 4);
        ret->class = get16(data + ret->size - 2);
        return (int)read_records(data, size, ret);
}

/* The bytes of a length are never letters. Type and class are compared as they are. */
static bool same_question(const uint8_t *a, const uint8_t *b, size_t size)
{
        for (size_t i = DNS_HEADER_SIZE; i < size; i++)
                if (i < size - 4 ? lower(a[i]) != lower(b[i]) : a[i] != b[i])
                        return false;
        return true;
}

bool dns_answer_matches(const uint8_t *query, size_t question_size, const uint8_t *answer,
                        size_t size)
{
        if (size < DNS_HEADER_SIZE || !(get16(answer + 2) & FLAG_ANSWER) ||
            get16(answer) != get16(query))
                return false;
        if (get16(answer + 4) == 0) /* servers that did not read so far */
                return dns_message_rcode(answer) != DNS_NOERROR &&
                       dns_message_rcode(answer) != DNS_NXDOMAIN;
        return get16(answer + 4) == 1 && size >= question_size &&
               same_question(query, answer, question_size);
}

DnsAnswer dns_answer_begin(const uint8_t *query, const DnsQuestion *question, DnsRcode rcode,
                           uint8_t *buffer, size_t limit)
{
        memcpy(buffer, query, question->size);
        return (DnsAnswer){
                .question = question,
                .data = buffer,
                .size = question->size,
                .limit = question->edns ? limit - OPT_SIZE : limit,
                .rcode = rcode,
        };
}

/* Writes the head of a record of the name in the question. Returns where its data go, or NULL. */
static uint8_t *add_record(DnsAnswer *a, DnsType type, size_t size)
{
        uint8_t *p = a->data + a->size;

        if (a->truncated || a->limit - a->size < 12 + size) {
                a->truncated = true;
                return NULL;
        }
        put16(p, QUESTION_AT);
        put16(p + 2, type);
        put16(p + 4, DNS_CLASS_IN);
        put16(p + 6, 0);
        put16(p + 8, TTL);
        put16(p + 10, (unsigned)size);
        a->size += 12 + size;
        a->records++;
        return p + 12;
}

void dns_answer_add_address(DnsAnswer *a, const void *address, size_t size)
{
        uint8_t *p = add_record(a, size == 4 ? DNS_TYPE_A : DNS_TYPE_AAAA, size);

        if (p)
                memcpy(p, address, size);
}

/* Returns the bytes on the wire; 0 if it is no name. */
static size_t write_name(const char *name, uint8_t *wire)
{
        size_t n = 0;

        do {
                size_t length = strcspn(name, ".");

                if (length == 0 || length > LABEL_MAX || n + length + 2 > WIRE_NAME_MAX)
                        return 0;
                wire[n++] = (uint8_t)length;
                memcpy(wire + n, name, length);
                n += length;
                name += length;
        } while (*name++ == '.');
        wire[n++] = 0;
        return n;
}

void dns_answer_add_name(DnsAnswer *a, const char *name)
{
        uint8_t wire[WIRE_NAME_MAX], *p;
        size_t n = write_name(name, wire);

        p = n > 0 ? add_record(a, DNS_TYPE_PTR, n) : NULL;
        if (p)
                memcpy(p, wire, n);
}

/* RFC 6891, 6.1.1: whoever sent one gets one. */
static void add_option(DnsAnswer *a)
{
        uint8_t *p = a->data + a->size;

        memset(p, 0, OPT_SIZE);
        put16(p + 1, DNS_TYPE_OPT);
        put16(p + 3, OUR_UDP_SIZE);
        p[5] = (uint8_t)(a->rcode >> 4);
        a->size += OPT_SIZE;
}

size_t dns_answer_end(DnsAnswer *a)
{
        const DnsQuestion *q = a->question;
        unsigned flags = FLAG_ANSWER | FLAG_RECURSES | (a->rcode & FLAG_RCODE) |
                         (q->flags & (FLAG_OPCODE | FLAG_RECURSE | FLAG_NO_CHECK));

        if (a->truncated) {
                flags |= FLAG_TRUNCATED;
                a->records = 0;
                a->size = q->size;
        }
        if (a->rcode == DNS_NOERROR || a->rcode == DNS_NXDOMAIN)
                flags |= FLAG_AUTHORITATIVE;
        put16(a->data + 2, flags);
        put16(a->data + 4, q->size > DNS_HEADER_SIZE);
        put16(a->data + 6, a->records);
        put16(a->data + 8, 0);
        put16(a->data + 10, q->edns);
        if (q->edns)
                add_option(a);
        return a->size;
}

size_t dns_question_udp_limit(const DnsQuestion *q, size_t size)
{
        return q->udp_size < size ? q->udp_size : size;
}

size_t dns_answer_empty(const uint8_t *query, const DnsQuestion *question, DnsRcode rcode,
                        uint8_t *buffer, size_t limit)
{
        DnsAnswer a = dns_answer_begin(query, question, rcode, buffer, limit);

        return dns_answer_end(&a);
}

size_t dns_answer_truncated(const uint8_t *query, const DnsQuestion *question, uint8_t *buffer)
{
        DnsAnswer a = dns_answer_begin(query, question, DNS_NOERROR, buffer, DNS_UDP_SIZE);

        a.truncated = true;
        return dns_answer_end(&a);
}
