/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Our part of the name space, as dns-zone.h describes it. */

#include "network/dns-zone.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

typedef struct Reply {
        const uint8_t *query;
        const DnsQuestion *question;
        uint8_t *buffer;
        size_t limit;
} Reply;

static const char *domain_of(const DnsZone *zone)
{
        return zone->domain ? zone->domain : DNS_ZONE_DOMAIN;
}

static size_t reply(const Reply *to, DnsRcode rcode)
{
        return dns_answer_empty(to->query, to->question, rcode, to->buffer, to->limit);
}

/* Questions for all that we know, or for other classes than the Internet. */
static bool is_refused(const DnsQuestion *q)
{
        return q->class != DNS_CLASS_IN ||
               (q->type >= DNS_TYPE_IXFR && q->type <= DNS_TYPE_ANY); /* RFC 1035, 3.2.3 */
}

/* No records but no error either if the name has none of this type: else the asker would take it
 * that the name has none at all (RFC 2308, 2.2). */
static size_t reply_addresses(const Reply *to, const DnsHost *host)
{
        DnsAnswer a = dns_answer_begin(to->query, to->question, DNS_NOERROR, to->buffer, to->limit);

        for (size_t i = 0; i < host->n; i++) {
                const IpAddress *address = &host->addresses[i];

                if (address->family == AF_INET && to->question->type == DNS_TYPE_A)
                        dns_answer_add_address(&a, &address->v4, sizeof(address->v4));
                else if (address->family == AF_INET6 && to->question->type == DNS_TYPE_AAAA)
                        dns_answer_add_address(&a, &address->v6, sizeof(address->v6));
        }
        return dns_answer_end(&a);
}

/* @ours: below our domain, so that nobody else knows better. */
static size_t answer_name(const DnsZone *zone, const Reply *to, const char *name, bool ours)
{
        DnsHost host = {};
        int r = zone->find_name ? zone->find_name(zone->userdata, name, &host) : 0;

        if (r < 0)
                return reply(to, DNS_SERVFAIL);
        if (r == 0 && !ours)
                return 0;
        if (is_refused(to->question))
                return reply(to, DNS_REFUSED);
        return r == 0 ? reply(to, DNS_NXDOMAIN) : reply_addresses(to, &host);
}

/* The reverse of a machine's address. Other addresses are not ours, also of our own ranges: the
 * host has more than machines. */
static size_t answer_address(const DnsZone *zone, const Reply *to, const IpAddress *address)
{
        char name[DNS_HOST_NAME_SIZE], full[2 * DNS_HOST_NAME_SIZE];
        int r = zone->find_address ? zone->find_address(zone->userdata, address, name) : 0;
        DnsAnswer a;

        if (r == 0)
                return 0;
        if (r < 0)
                return reply(to, DNS_SERVFAIL);
        if (is_refused(to->question))
                return reply(to, DNS_REFUSED);
        a = dns_answer_begin(to->query, to->question, DNS_NOERROR, to->buffer, to->limit);
        (void)snprintf(full, sizeof(full), "%s.%s", name, domain_of(zone)); /* else left out */
        if (to->question->type == DNS_TYPE_PTR)
                dns_answer_add_name(&a, full);
        return dns_answer_end(&a);
}

/* What stands before our domain: "" for the domain itself, NULL if @name is not in it. */
static char *below_domain(const char *domain, char *name)
{
        size_t n = strlen(name), m = strlen(domain);

        if (n < m || strcmp(name + n - m, domain) != 0)
                return NULL;
        if (n == m)
                return name + n;
        if (name[n - m - 1] != '.')
                return NULL;
        name[n - m - 1] = '\0';
        return name;
}

size_t dns_zone_answer(const DnsZone *zone, const uint8_t *query, const DnsQuestion *question,
                       uint8_t *buffer, size_t limit)
{
        const Reply to = { query, question, buffer, limit };
        char name[DNS_NAME_SIZE], *inner;
        IpAddress address;

        strcpy(name, question->name);
        inner = below_domain(domain_of(zone), name);
        if (inner && *inner == '\0')
                return reply(&to, is_refused(question) ? DNS_REFUSED : DNS_NOERROR);
        if (inner)
                return answer_name(zone, &to, inner, true);
        if (dns_reverse_parse(name, &address) >= 0)
                return answer_address(zone, &to, &address);
        return *name != '\0' && !strchr(name, '.') ? answer_name(zone, &to, name, false) : 0;
}
