/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Questions by UDP. Each that is passed on has a socket of its own: connected, so that the kernel
 * drops what others than the server send and tells when nobody listens there, and with a random
 * port beside the random id, as RFC 5452 wants it. */

#include "network/dns-relay-parts.h"

#include "os/clock.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define QUERIES_MAX 256
#define DATAGRAMS_AT_ONCE 16
#define DATAGRAM_MAX 4096 /* larger answers come by TCP */

struct DnsQuery {
        DnsQuery *previous, *next; /* DnsRelay.oldest */
        DnsSource server;
        const DnsSource *listener; /* that it came by, and that its answer goes by */
        SocketAddress asker;
        uint64_t arrived_usec, deadline_usec;
        DnsTurn turn;
        uint16_t asker_id;
        size_t question_size, size;
        uint8_t data[]; /* the query, with the id of ours */
};

static void unlink_query(DnsRelay *relay, DnsQuery *q)
{
        *(q->previous ? &q->previous->next : &relay->oldest) = q->next;
        *(q->next ? &q->next->previous : &relay->newest) = q->previous;
        q->previous = q->next = NULL;
}

/* All deadlines are equally far away when they are set, and so the list is in their order. */
static void append_query(DnsRelay *relay, DnsQuery *q)
{
        q->previous = relay->newest;
        *(q->previous ? &q->previous->next : &relay->oldest) = q;
        relay->newest = q;
}

static void drop_query(DnsRelay *relay, DnsQuery *q)
{
        unlink_query(relay, q);
        relay->n_queries--;
        dns_source_close(relay, &q->server);
        free(q);
}

/* A lost answer is as good as a lost datagram: the asker asks again. */
static void send_answer(const DnsQuery *q, const uint8_t *answer, size_t size)
{
        (void)sendto(q->listener->fd, answer, size, MSG_DONTWAIT | MSG_NOSIGNAL, &q->asker.any,
                     socket_address_size(&q->asker));
}

/* Says what the relay itself has to say about the query, which is over then. */
static void finish(DnsRelay *relay, DnsQuery *q, bool truncated)
{
        uint8_t buffer[DNS_UDP_SIZE];
        DnsQuestion question;
        size_t n;

        dns_message_set_id(q->data, q->asker_id);
        (void)dns_question_parse(q->data, q->size, &question); /* as when it came */
        n = truncated ? dns_answer_truncated(q->data, &question, buffer)
                      : dns_answer_empty(q->data, &question, DNS_SERVFAIL, buffer, sizeof(buffer));
        send_answer(q, buffer, n);
        drop_query(relay, q);
}

static int ask(DnsRelay *relay, DnsQuery *q, const SocketAddress *server)
{
        int r;

        dns_source_close(relay, &q->server);
        q->server.fd = dns_relay_connect(server, SOCK_DGRAM);
        if (q->server.fd < 0)
                return q->server.fd;
        dns_message_set_id(q->data, dns_random_id());
        if (send(q->server.fd, q->data, q->size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
                return -errno;
        r = dns_relay_watch(relay, &q->server, EPOLLIN);
        if (r < 0)
                return r;
        unlink_query(relay, q);
        append_query(relay, q);
        q->deadline_usec = clock_now_usec() + DNS_SERVER_USEC;
        dns_relay_arm(relay, q->deadline_usec);
        return 0;
}

static void ask_next(DnsRelay *relay, DnsQuery *q)
{
        const SocketAddress *server;

        while ((server = dns_relay_next_server(relay, &q->turn))) {
                if (ask(relay, q, server) >= 0)
                        return;
                dns_relay_blame_server(relay, &q->turn);
        }
        finish(relay, q, false);
}

static void on_server(DnsRelay *relay, DnsSource *source)
{
        DnsQuery *q = source->owner;
        uint8_t buffer[DATAGRAM_MAX];
        ssize_t n = recv(source->fd, buffer, sizeof(buffer), MSG_DONTWAIT | MSG_TRUNC);

        if (n < 0) {
                if (errno == EAGAIN || errno == EINTR)
                        return;
                dns_relay_blame_server(relay, &q->turn);
                ask_next(relay, q);
                return;
        }
        if (!dns_answer_matches(q->data, q->question_size, buffer,
                                MIN_OF((size_t)n, sizeof(buffer))))
                return; /* the right one may still come */
        if (dns_relay_wants_other(relay, &q->turn, buffer)) {
                ask_next(relay, q);
                return;
        }
        if ((size_t)n > sizeof(buffer)) {
                finish(relay, q, true);
                return;
        }
        dns_message_set_id(buffer, q->asker_id);
        send_answer(q, buffer, (size_t)n);
        drop_query(relay, q);
}

/* Makes room for one more: who has waited longest has the least to hope for. */
static void drop_first_come(DnsRelay *relay)
{
        DnsQuery *first = relay->oldest;

        for (DnsQuery *q = first; q; q = q->next)
                if (q->arrived_usec < first->arrived_usec)
                        first = q;
        drop_query(relay, first);
}

static void pass_on(DnsRelay *relay, const DnsSource *listener, const SocketAddress *asker,
                    const uint8_t *data, size_t size, size_t question_size)
{
        DnsQuery *q = malloc(sizeof(DnsQuery) + size);

        if (!q)
                return; /* as if it was lost on its way */
        *q = (DnsQuery){
                .server = { .on_event = on_server, .fd = -EBADF, .owner = q },
                .listener = listener,
                .asker = *asker,
                .arrived_usec = clock_now_usec(),
                .asker_id = dns_message_id(data),
                .question_size = question_size,
                .size = size,
        };
        memcpy(q->data, data, size);
        if (relay->n_queries >= QUERIES_MAX)
                drop_first_come(relay);
        append_query(relay, q);
        relay->n_queries++;
        ask_next(relay, q);
}

void dns_udp_on_listener(DnsRelay *relay, DnsSource *source)
{
        uint8_t data[DATAGRAM_MAX], buffer[DATAGRAM_MAX];

        for (unsigned i = 0; i < DATAGRAMS_AT_ONCE; i++) {
                SocketAddress asker = {};
                socklen_t length = sizeof(asker);
                DnsQuestion question;
                ssize_t size = recvfrom(source->fd, data, sizeof(data), MSG_DONTWAIT, &asker.any,
                                        &length),
                        n;

                if (size < 0)
                        return; /* reading the error has cleared it */
                n = dns_relay_answer(relay, data, (size_t)size, &question, buffer, sizeof(buffer),
                                     true);
                if (n == 0)
                        pass_on(relay, source, &asker, data, (size_t)size, question.size);
                else if (n > 0)
                        (void)sendto(source->fd, buffer, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL,
                                     &asker.any, length); /* as in send_answer() */
        }
}

void dns_udp_expire(DnsRelay *relay, uint64_t now_usec)
{
        while (relay->oldest && relay->oldest->deadline_usec <= now_usec) {
                DnsQuery *q = relay->oldest;

                dns_relay_blame_server(relay, &q->turn);
                ask_next(relay, q); /* moves it to the end, or drops it */
        }
        if (relay->oldest)
                dns_relay_arm(relay, relay->oldest->deadline_usec);
}

void dns_udp_done(DnsRelay *relay)
{
        while (relay->oldest)
                drop_query(relay, relay->oldest);
}
