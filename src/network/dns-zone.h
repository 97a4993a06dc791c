/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which questions are about machines, and what is answered to them.
 *
 * A machine answers to NAME and to NAME.stead.internal. The short one is what people type, and what
 * a resolver without a search list asks for; since it might hide a name of the outside, a short
 * name that is no machine is not ours. The long one is for resolvers that keep single labels to
 * themselves (systemd-resolved) and find it by their search list. ".internal" is the top-level
 * domain that ICANN has reserved for private use in 2024, so it never meets a name of the outside,
 * and systemd-resolved expects no signatures below it. ".local" belongs to multicast (RFC 6762),
 * "home.arpa" to the router of a home (RFC 8375), and a domain of our own invention might be sold
 * one day. */

#include "network/dns-message.h"
#include "network/dns-reverse.h"

#define DNS_ZONE_DOMAIN "stead.internal"
#define DNS_HOST_ADDRESSES 32
#define DNS_HOST_NAME_SIZE 256

/* What is known of a name. */
typedef struct DnsHost {
        IpAddress addresses[DNS_HOST_ADDRESSES];
        size_t n;
} DnsHost;

/* Asked at each question, in the supervisor's thread: must not block. */
typedef struct DnsZone {
        const char *domain; /* lower case; NULL: DNS_ZONE_DOMAIN */
        /* The machine @name (lower case; machines are to be found in any case). Returns 1; 0 if
         * there is none; negative errno: the asker is told to try again. NULL: there are no
         * machines. */
        int (*find_name)(void *userdata, const char *name, DnsHost *ret);
        /* The name, without domain, of the machine with this address. Returns the same. */
        int (*find_address)(void *userdata, const IpAddress *address,
                            char ret[static DNS_HOST_NAME_SIZE]);
        void *userdata;
} DnsZone;

/* Answers the question if it is ours. @query, @buffer, @limit as for dns_answer_begin(). Returns
 * the size of the answer, or 0 if somebody else has to be asked. */
size_t dns_zone_answer(const DnsZone *zone, const uint8_t *query, const DnsQuestion *question,
                       uint8_t *buffer, size_t limit);
