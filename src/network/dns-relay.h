/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The name server of one machine: UDP and TCP port 53 of the gateway's address, on the machine's
 * own link only. Questions about machines it answers itself (dns-zone.h); all others go as they are
 * to the name servers of the host, from the host's network, so that they may also be those that
 * listen on 127.0.0.53 alone. It keeps no answers: that is what the host's resolver is for.
 *
 * It lives in its owner's event loop behind one descriptor, never blocks and takes a bounded share
 * of memory and time, whatever the machine sends. */

#include "base/error.h"
#include "network/dns-zone.h"

typedef struct DnsRelay DnsRelay;

typedef struct DnsRelayConfig {
        const char *interface;        /* the host's side of the machine's link */
        const struct in_addr *v4;     /* where to listen; NULL: not by IPv4 */
        const struct in6_addr *v6;    /* NULL: not by IPv6 */
        const char *resolv_conf_path; /* NULL: /etc/resolv.conf */
        DnsZone zone;
} DnsRelayConfig;

/* Begins to listen. The interface must be there; that its addresses are not there yet does no harm.
 * Everything of @config but zone.userdata is copied. -EADDRINUSE: a server of the host has taken
 * port 53 of all addresses, and will be asked in our place. */
int dns_relay_new(const DnsRelayConfig *config, DnsRelay **ret, Error *error);
/* Questions that are not answered yet are forgotten. */
DnsRelay *dns_relay_free(DnsRelay *relay);
DEFINE_CLEANUP(DnsRelay, dns_relay_free)

/* Readable when dns_relay_process() has something to do. Stays the relay's. */
int dns_relay_fd(const DnsRelay *relay);
/* Does what is due, not more than a few milliseconds' work at once. Nothing that can go wrong here
 * concerns anybody but the asker, who gets an answer that says so. */
void dns_relay_process(DnsRelay *relay);
