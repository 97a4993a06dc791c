/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files dns-relay*.c share; nobody else includes it. */

#include "network/dns-relay.h"
#include "network/resolv-conf.h"

#include "base/parse.h"

#include <net/if.h>

#define DNS_QUERY_MAX 1232                 /* larger ones are refused; usual are 40 to 100 bytes */
#define DNS_SERVER_USEC (2 * USEC_PER_SEC) /* patience with one name server */

/* What an event of the relay's epoll is about. */
typedef struct DnsSource {
        void (*on_event)(DnsRelay *relay, struct DnsSource *source);
        int fd;
        uint32_t events; /* that the epoll is set to; 0: not watched */
        void *owner;
} DnsSource;

#define DNS_SOURCE_NULL ((DnsSource){ .fd = -EBADF })

typedef struct DnsQuery DnsQuery;           /* dns-relay-udp.c */
typedef struct DnsConnection DnsConnection; /* dns-relay-tcp.c */

/* Which of the host's servers have been asked. */
typedef struct DnsTurn {
        size_t first, tries;
} DnsTurn;

struct DnsRelay {
        char interface[IF_NAMESIZE];
        char *path, *domain;
        DnsZone zone;
        ResolvConf conf;
        size_t first_server; /* the others before it did not answer lately */
        int epoll_fd;
        uint64_t armed_usec; /* when the timer goes off */
        DnsSource timer, udp[2], tcp[2];
        DnsQuery *oldest, *newest; /* by deadline; DnsQuery.previous and .next */
        size_t n_queries;
        DnsConnection *connections; /* DnsConnection.next */
        size_t n_connections;
        uint64_t accept_usec; /* when to accept again after the system ran out of something */
};

/* Watches the source for @events (EPOLLIN, EPOLLOUT, 0 for hang-ups and errors alone). */
int dns_relay_watch(DnsRelay *relay, DnsSource *source, uint32_t events);
/* Ends the watching and closes. */
void dns_source_close(DnsRelay *relay, DnsSource *source);
/* Wakes the relay up then, or earlier. */
void dns_relay_arm(DnsRelay *relay, uint64_t when_usec);

/* The server to ask next; NULL when each had its turn. */
const SocketAddress *dns_relay_next_server(DnsRelay *relay, DnsTurn *turn);
/* The server that was asked last is dead or silent: others are asked before it from now on. */
void dns_relay_blame_server(DnsRelay *relay, const DnsTurn *turn);
/* Whether another server might do better: as libc sees it, one that refuses or fails. */
bool dns_relay_wants_other(const DnsRelay *relay, const DnsTurn *turn, const uint8_t *answer);
/* Opens a non-blocking socket that talks to that server alone. Returns it or negative errno. */
int dns_relay_connect(const SocketAddress *server, int type);
/* What no name server guesses, nor the machine. */
uint16_t dns_random_id(void);

/* What there is to say without asking anybody. Returns the size of the answer, 0 if the host's
 * servers have to be asked, -EBADMSG if there is nothing to say. */
ssize_t dns_relay_answer(const DnsRelay *relay, const uint8_t *query, size_t size,
                         DnsQuestion *ret_question, uint8_t *buffer, size_t limit, bool udp);

void dns_udp_on_listener(DnsRelay *relay, DnsSource *source);
/* Asks the next server in place of those that kept silent. */
void dns_udp_expire(DnsRelay *relay, uint64_t now_usec);
void dns_udp_done(DnsRelay *relay);

void dns_tcp_on_listener(DnsRelay *relay, DnsSource *source);
void dns_tcp_expire(DnsRelay *relay, uint64_t now_usec);
void dns_tcp_done(DnsRelay *relay);
