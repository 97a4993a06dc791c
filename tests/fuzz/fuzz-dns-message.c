/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes as a query, answered by a zone that knows all names; and as an answer to itself. */

#include "fuzz.h"
#include "network/dns-zone.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static int find_name(void *userdata, const char *name, DnsHost *ret)
{
        for (ret->n = 0; ret->n < DNS_HOST_ADDRESSES; ret->n++)
                ret->addresses[ret->n].family = ret->n % 2 ? AF_INET : AF_INET6;
        return 1;
}

static int find_address(void *userdata, const IpAddress *address, char ret[static 256])
{
        strcpy(ret, "web");
        return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const DnsZone zone = { .find_name = find_name, .find_address = find_address };
        uint8_t buffer[DNS_UDP_SIZE];
        DnsQuestion q;
        int r = dns_question_parse(data, size, &q);

        if (r < 0)
                return 0;
        if (q.size > size || dns_answer_empty(data, &q, (DnsRcode)r, buffer, sizeof(buffer)) > 512)
                abort();
        if (r == DNS_NOERROR && dns_zone_answer(&zone, data, &q, buffer, sizeof(buffer)) > 512)
                abort();
        (void)dns_answer_matches(data, q.size, buffer, q.size);
        return 0;
}
