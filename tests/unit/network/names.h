/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Machines to be found: "web" with an address of each family, "v4" with one, "crowd" with many, and
 * "broken", which cannot be looked up. */

#include "network/dns-zone.h"

#include "../world.h"

#include <arpa/inet.h>
#include <errno.h>

static inline void name_add(DnsHost *host, int family, const char *text)
{
        IpAddress *a = &host->addresses[host->n++];

        a->family = family;
        assert_int_equal(inet_pton(family, text, &a->v4), 1); /* both begin at the same place */
}

static inline int names_find_name(void *userdata, const char *name, DnsHost *ret)
{
        if (strcmp(name, "broken") == 0)
                return -EIO;
        if (strcmp(name, "crowd") == 0) {
                while (ret->n < DNS_HOST_ADDRESSES)
                        name_add(ret, AF_INET6, "fd00::3");
                return 1;
        }
        if (strcmp(name, "web") != 0 && strcmp(name, "v4") != 0 && strcmp(name, "a.b") != 0)
                return 0;
        name_add(ret, AF_INET, "100.64.0.2");
        if (strcmp(name, "web") == 0)
                name_add(ret, AF_INET6, "fd00::2");
        return 1;
}

static inline int names_find_address(void *userdata, const IpAddress *address,
                                     char ret[static DNS_HOST_NAME_SIZE])
{
        DnsHost web = {};

        name_add(&web, AF_INET, "100.64.0.2");
        name_add(&web, AF_INET6, "fd00::2");
        if (address->family == AF_INET
                    ? address->v4.s_addr != web.addresses[0].v4.s_addr
                    : memcmp(&address->v6, &web.addresses[1].v6, sizeof(address->v6)) != 0)
                return 0;
        strcpy(ret, "web");
        return 1;
}

#define NAMES_ZONE                                                                \
        {                                                                         \
                .find_name = names_find_name, .find_address = names_find_address, \
        }

/* A query for the dotted @name. Returns its size. */
static inline size_t name_query(uint8_t *data, uint16_t id, const char *name, unsigned type)
{
        uint8_t *p = data + DNS_HEADER_SIZE;

        memcpy(data, "\0\0\1\0\0\1\0\0\0\0\0\0", DNS_HEADER_SIZE);
        dns_message_set_id(data, id);
        while (*name) {
                size_t length = strcspn(name, ".");

                *p++ = (uint8_t)length;
                memcpy(p, name, length);
                p += length;
                name += length + (name[length] == '.');
        }
        memcpy(p, (uint8_t[]){ 0, (uint8_t)(type >> 8), (uint8_t)type, 0, 1 }, 5);
        return (size_t)(p + 5 - data);
}
