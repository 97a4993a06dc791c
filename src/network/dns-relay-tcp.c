/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Questions by TCP (RFC 7766): each connection has one question at a time on its way, to a server
 * by a connection of its own. What else the machine has sent waits in the kernel. Every step has a
 * deadline that no dripping of bytes puts off. */

#include "network/dns-relay-parts.h"

#include "os/clock.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define CONNECTIONS_MAX 16
#define IDLE_USEC (10 * USEC_PER_SEC)
#define ACCEPT_USEC USEC_PER_SEC
#define PREFIX 2 /* the length before each message: RFC 1035, 4.2.2 */
#define OWN_ANSWER_MAX 4096

/* One message with its prefix, on its way in or out. */
typedef struct DnsStream {
        uint8_t prefix[PREFIX]; /* until it is known how much there is to allocate */
        uint8_t *data;          /* prefix and message, or NULL */
        size_t size, done;
} DnsStream;

typedef enum DnsStep {
        STEP_QUERY,  /* reading one from the machine, or idle */
        STEP_ASK,    /* connecting to a server and writing to it */
        STEP_LISTEN, /* reading its answer */
        STEP_ANSWER, /* writing to the machine */
} DnsStep;

struct DnsConnection {
        DnsConnection *next; /* DnsRelay.connections */
        DnsSource asker, server;
        DnsStep step;
        uint64_t deadline_usec;
        DnsTurn turn;
        DnsStream query, answer;
        uint16_t asker_id;
        size_t question_size;
};

static void stream_done(DnsStream *s)
{
        free(s->data);
        *s = (DnsStream){};
}

/* Of @size bytes for the message. */
static int stream_allocate(DnsStream *s, size_t size)
{
        free(s->data);
        s->data = malloc(PREFIX + size);
        if (!s->data)
                return -ENOMEM;
        s->size = PREFIX + size;
        s->data[0] = (uint8_t)(size >> 8);
        s->data[1] = (uint8_t)size;
        return 0;
}

/* 1: the message is there, 0: more is to come; no byte of the next one is taken. */
static int stream_read(DnsStream *s, int fd, size_t limit)
{
        for (;;) {
                uint8_t *to = s->data ? s->data : s->prefix;
                size_t size = s->data ? s->size : PREFIX;
                ssize_t n = recv(fd, to + s->done, size - s->done, MSG_DONTWAIT);

                if (n <= 0)
                        return n == 0 ? -ECONNRESET : errno == EAGAIN ? 0 : -errno;
                s->done += (size_t)n;
                if (s->done < size)
                        continue;
                if (s->data)
                        return 1;
                size = (size_t)s->prefix[0] << 8 | s->prefix[1];
                if (size < DNS_HEADER_SIZE || size > limit)
                        return -EBADMSG;
                if (stream_allocate(s, size) < 0)
                        return -ENOMEM;
        }
}

static int stream_write(DnsStream *s, int fd)
{
        while (s->done < s->size) {
                ssize_t n =
                        send(fd, s->data + s->done, s->size - s->done, MSG_DONTWAIT | MSG_NOSIGNAL);

                if (n < 0)
                        return errno == EAGAIN ? 0 : -errno;
                s->done += (size_t)n;
        }
        return 1;
}

static void set_accepting(DnsRelay *relay, bool accepting)
{
        for (unsigned i = 0; i < 2; i++)
                if (relay->tcp[i].fd >= 0)
                        /* changes one that is there: needs no memory and so does not fail */
                        (void)dns_relay_watch(relay, &relay->tcp[i], accepting ? EPOLLIN : 0);
}

static void drop_connection(DnsRelay *relay, DnsConnection *c)
{
        DnsConnection **link = &relay->connections;

        while (*link != c)
                link = &(*link)->next;
        *link = c->next;
        relay->n_connections--;
        dns_source_close(relay, &c->asker);
        dns_source_close(relay, &c->server);
        stream_done(&c->query);
        stream_done(&c->answer);
        free(c);
        if (relay->accept_usec == 0)
                set_accepting(relay, true);
}

/* Goes to a step, which waits for @asker and for @server (EPOLLIN, EPOLLOUT or 0). */
static int enter(DnsRelay *relay, DnsConnection *c, DnsStep step, uint64_t patience_usec)
{
        static const struct {
                uint32_t asker, server;
        } events[] = {
                [STEP_QUERY] = { EPOLLIN, 0 },
                [STEP_ASK] = { 0, EPOLLOUT },
                [STEP_LISTEN] = { 0, EPOLLIN },
                [STEP_ANSWER] = { EPOLLOUT, 0 },
        };
        int r;

        c->step = step;
        c->deadline_usec = clock_now_usec() + patience_usec;
        dns_relay_arm(relay, c->deadline_usec);
        r = dns_relay_watch(relay, &c->asker, events[step].asker);
        if (r >= 0 && events[step].server != 0)
                r = dns_relay_watch(relay, &c->server, events[step].server);
        return r;
}

static int answer(DnsRelay *relay, DnsConnection *c)
{
        dns_source_close(relay, &c->server);
        c->answer.done = 0;
        stream_done(&c->query);
        return enter(relay, c, STEP_ANSWER, IDLE_USEC);
}

static int answer_failure(DnsRelay *relay, DnsConnection *c)
{
        uint8_t buffer[DNS_UDP_SIZE];
        DnsQuestion question;
        uint8_t *query = c->query.data + PREFIX;
        size_t n;
        int r;

        dns_message_set_id(query, c->asker_id);
        (void)dns_question_parse(query, c->query.size - PREFIX, &question); /* as when it came */
        n = dns_answer_empty(query, &question, DNS_SERVFAIL, buffer, sizeof(buffer));
        r = stream_allocate(&c->answer, n);
        if (r < 0)
                return r;
        memcpy(c->answer.data + PREFIX, buffer, n);
        return answer(relay, c);
}

static int ask_next(DnsRelay *relay, DnsConnection *c)
{
        const SocketAddress *server;

        stream_done(&c->answer);
        while ((server = dns_relay_next_server(relay, &c->turn))) {
                dns_source_close(relay, &c->server);
                c->server.fd = dns_relay_connect(server, SOCK_STREAM);
                if (c->server.fd < 0) {
                        dns_relay_blame_server(relay, &c->turn);
                        continue;
                }
                dns_message_set_id(c->query.data + PREFIX, dns_random_id());
                c->query.done = 0;
                return enter(relay, c, STEP_ASK, DNS_SERVER_USEC);
        }
        return answer_failure(relay, c);
}

static int ask_other(DnsRelay *relay, DnsConnection *c)
{
        dns_relay_blame_server(relay, &c->turn);
        return ask_next(relay, c);
}

static int on_query(DnsRelay *relay, DnsConnection *c)
{
        uint8_t buffer[OWN_ANSWER_MAX];
        DnsQuestion question;
        uint8_t *query;
        ssize_t n;
        int r = stream_read(&c->query, c->asker.fd, DNS_QUERY_MAX);

        if (r <= 0)
                return r;
        query = c->query.data + PREFIX;
        n = dns_relay_answer(relay, query, c->query.size - PREFIX, &question, buffer,
                             sizeof(buffer), false);
        if (n < 0)
                return (int)n;
        c->asker_id = question.id;
        c->question_size = question.size;
        c->turn = (DnsTurn){};
        if (n == 0)
                return ask_next(relay, c);
        r = stream_allocate(&c->answer, (size_t)n);
        if (r < 0)
                return r;
        memcpy(c->answer.data + PREFIX, buffer, (size_t)n);
        return answer(relay, c);
}

static int on_answered(DnsRelay *relay, DnsConnection *c)
{
        int r = stream_write(&c->answer, c->asker.fd);

        if (r <= 0)
                return r;
        stream_done(&c->answer);
        return enter(relay, c, STEP_QUERY, IDLE_USEC);
}

static int on_heard(DnsRelay *relay, DnsConnection *c)
{
        const uint8_t *query = c->query.data + PREFIX;
        uint8_t *data;
        int r = stream_read(&c->answer, c->server.fd, UINT16_MAX);

        if (r <= 0)
                return r == 0 ? 0 : ask_other(relay, c);
        data = c->answer.data + PREFIX;
        if (!dns_answer_matches(query, c->question_size, data, c->answer.size - PREFIX))
                return ask_other(relay, c);
        if (dns_relay_wants_other(relay, &c->turn, data))
                return ask_next(relay, c);
        dns_message_set_id(data, c->asker_id);
        return answer(relay, c);
}

static void on_server(DnsRelay *relay, DnsSource *source)
{
        DnsConnection *c = source->owner;
        int r = 0;

        if (c->step == STEP_ASK) {
                r = stream_write(&c->query, source->fd); /* also tells how connecting ended */
                if (r < 0)
                        r = ask_other(relay, c);
                else if (r > 0)
                        r = enter(relay, c, STEP_LISTEN, DNS_SERVER_USEC);
        } else {
                r = on_heard(relay, c);
        }
        if (r < 0)
                drop_connection(relay, c);
}

static void on_asker(DnsRelay *relay, DnsSource *source)
{
        DnsConnection *c = source->owner;
        int r = -ECONNRESET; /* gone while it should wait */

        if (c->step == STEP_QUERY)
                r = on_query(relay, c);
        else if (c->step == STEP_ANSWER)
                r = on_answered(relay, c);
        if (r < 0)
                drop_connection(relay, c);
}

static int add_connection(DnsRelay *relay, int fd)
{
        DnsConnection *c = calloc(1, sizeof(DnsConnection));

        if (!c)
                return -ENOMEM;
        c->asker = (DnsSource){ .on_event = on_asker, .fd = fd, .owner = c };
        c->server = (DnsSource){ .on_event = on_server, .fd = -EBADF, .owner = c };
        c->next = relay->connections;
        relay->connections = c;
        relay->n_connections++;
        if (enter(relay, c, STEP_QUERY, IDLE_USEC) < 0)
                drop_connection(relay, c);
        return 0;
}

void dns_tcp_on_listener(DnsRelay *relay, DnsSource *source)
{
        _cleanup_close_ int fd = accept4(source->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
                /* it stays readable: without a pause we would spin */
                set_accepting(relay, false);
                relay->accept_usec = clock_now_usec() + ACCEPT_USEC;
                dns_relay_arm(relay, relay->accept_usec);
        }
        if (fd < 0)
                return;
        if (add_connection(relay, fd) >= 0)
                TAKE_FD(fd);
        if (relay->n_connections >= CONNECTIONS_MAX)
                set_accepting(relay, false); /* others wait in the kernel's queue */
}

static void expire(DnsRelay *relay, DnsConnection *c)
{
        if (c->step == STEP_QUERY || c->step == STEP_ANSWER || ask_other(relay, c) < 0)
                drop_connection(relay, c);
}

void dns_tcp_expire(DnsRelay *relay, uint64_t now_usec)
{
        DnsConnection *next;

        if (relay->accept_usec != 0 && relay->accept_usec <= now_usec) {
                relay->accept_usec = 0;
                set_accepting(relay, relay->n_connections < CONNECTIONS_MAX);
        }
        if (relay->accept_usec != 0)
                dns_relay_arm(relay, relay->accept_usec);
        for (DnsConnection *c = relay->connections; c; c = next) {
                next = c->next;
                if (c->deadline_usec <= now_usec)
                        expire(relay, c);
        }
        for (DnsConnection *c = relay->connections; c; c = c->next)
                dns_relay_arm(relay, c->deadline_usec);
}

void dns_tcp_done(DnsRelay *relay)
{
        while (relay->connections)
                drop_connection(relay, relay->connections);
}
