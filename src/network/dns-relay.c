/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sockets, timer and epoll of a relay; what UDP and TCP have in common.
 *
 * All links have the same gateway address, and so all relays listen on it. SO_BINDTODEVICE keeps
 * them apart: the kernel hands a packet only to the socket of the link it came from. A packet of
 * the host itself counts as one of the link that has the address, although it comes by lo; a filter
 * that looks at the device drops it. SO_REUSEPORT lets the launchers of a pod share. */

#include "network/dns-relay-parts.h"

#include "os/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#define EVENTS_AT_ONCE 64
#define BACKLOG 16

int dns_relay_watch(DnsRelay *relay, DnsSource *source, uint32_t events)
{
        /* hang-ups and errors come without being asked for */
        struct epoll_event e = { .events = events | EPOLLERR, .data.ptr = source };
        int operation = source->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

        if (source->events == e.events)
                return 0;
        if (epoll_ctl(relay->epoll_fd, operation, source->fd, &e) < 0)
                return -errno;
        source->events = e.events;
        return 0;
}

void dns_source_close(DnsRelay *relay, DnsSource *source)
{
        /* closing alone is not enough: a helper that was forked meanwhile holds the socket, too */
        if (source->events != 0)
                (void)epoll_ctl(relay->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL); /* it is there */
        closep(&source->fd);
        source->fd = -EBADF;
        source->events = 0;
}

void dns_relay_arm(DnsRelay *relay, uint64_t when_usec)
{
        struct itimerspec spec = {
                .it_value = { .tv_sec = (time_t)(when_usec / USEC_PER_SEC),
                              .tv_nsec = (long)(when_usec % USEC_PER_SEC) * 1000 },
        };

        /* an early wake-up finds nothing to do; that is cheaper than to set the timer each time */
        if (when_usec >= relay->armed_usec)
                return;
        relay->armed_usec = when_usec;
        (void)timerfd_settime(relay->timer.fd, TFD_TIMER_ABSTIME, &spec, NULL); /* valid values */
}

static void on_timer(DnsRelay *relay, DnsSource *source)
{
        uint64_t n, now = clock_now_usec();

        (void)read(source->fd, &n, sizeof(n)); /* only so that it is not readable any more */
        relay->armed_usec = USEC_INFINITY;
        dns_udp_expire(relay, now);
        dns_tcp_expire(relay, now);
}

const SocketAddress *dns_relay_next_server(DnsRelay *relay, DnsTurn *turn)
{
        if (turn->tries == 0) {
                if (resolv_conf_refresh(&relay->conf, relay->path, clock_now_usec()))
                        relay->first_server = 0;
                turn->first = relay->first_server;
        }
        if (turn->tries >= relay->conf.n)
                return NULL;
        return &relay->conf.servers[(turn->first + turn->tries++) % relay->conf.n];
}

void dns_relay_blame_server(DnsRelay *relay, const DnsTurn *turn)
{
        /* one of a hundred questions that waited for it is enough */
        if (turn->tries == 1 && turn->first == relay->first_server)
                relay->first_server = (turn->first + 1) % relay->conf.n;
}

bool dns_relay_wants_other(const DnsRelay *relay, const DnsTurn *turn, const uint8_t *answer)
{
        DnsRcode rcode = dns_message_rcode(answer);

        return turn->tries < relay->conf.n &&
               (rcode == DNS_SERVFAIL || rcode == DNS_NOTIMP || rcode == DNS_REFUSED);
}

int dns_relay_connect(const SocketAddress *server, int type)
{
        _cleanup_close_ int fd =
                socket(server->any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return -errno;
        if (connect(fd, &server->any, socket_address_size(server)) < 0 && errno != EINPROGRESS)
                return -errno;
        return TAKE_FD(fd);
}

uint16_t dns_random_id(void)
{
        uint16_t id = 0;

        /* so few bytes come whole or, before the pool is ready, not at all: the port is random, too
         */
        (void)!getrandom(&id, sizeof(id), GRND_NONBLOCK);
        return id;
}

ssize_t dns_relay_answer(const DnsRelay *relay, const uint8_t *query, size_t size,
                         DnsQuestion *ret_question, uint8_t *buffer, size_t limit, bool udp)
{
        int r = dns_question_parse(query, size, ret_question);

        if (r < 0)
                return r;
        if (udp)
                limit = dns_question_udp_limit(ret_question, limit);
        if (r == DNS_NOERROR && size > DNS_QUERY_MAX)
                r = DNS_REFUSED;
        if (r != DNS_NOERROR)
                return (ssize_t)dns_answer_empty(query, ret_question, (DnsRcode)r, buffer, limit);
        return (ssize_t)dns_zone_answer(&relay->zone, query, ret_question, buffer, limit);
}

/* Lets in what came by the link @index. Connections inherit it from their listener. */
static int filter_link(int fd, unsigned index)
{
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)(SKF_AD_OFF + SKF_AD_IFINDEX)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, index, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
                BPF_STMT(BPF_RET | BPF_K, 0),
        };
        const struct sock_fprog program = { .len = ELEMENTSOF(code), .filter = code };

        return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno
                                                                                           : 0;
}

static int set_options(int fd, const DnsRelay *relay, int family)
{
        unsigned index = if_nametoindex(relay->interface);
        const int on = 1;
        int r;

        if (index == 0)
                return -errno;
        r = filter_link(fd, index);
        if (r < 0)
                return r;
        if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, relay->interface,
                       (socklen_t)strlen(relay->interface) + 1) < 0 ||
            setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
            setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0)
                return -errno;
        if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
                return -errno;
        /* the address may come later, and one of IPv6 is tentative for a second: for both families
         */
        return setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on)) < 0 ? -errno : 0;
}

static int listen_on(DnsRelay *relay, DnsSource *source, const SocketAddress *address, int type)
{
        int r;

        source->fd = socket(address->any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (source->fd < 0)
                return -errno;
        r = set_options(source->fd, relay, address->any.sa_family);
        if (r < 0)
                return r;
        if (bind(source->fd, &address->any, socket_address_size(address)) < 0 ||
            (type == SOCK_STREAM && listen(source->fd, BACKLOG) < 0))
                return -errno;
        source->on_event = type == SOCK_STREAM ? dns_tcp_on_listener : dns_udp_on_listener;
        return dns_relay_watch(relay, source, EPOLLIN);
}

static int listen_both(DnsRelay *relay, unsigned i, const SocketAddress *address, Error *error)
{
        char text[INET6_ADDRSTRLEN] = "";
        const void *bytes = address->any.sa_family == AF_INET ? (const void *)&address->v4.sin_addr
                                                              : &address->v6.sin6_addr;
        int r = listen_on(relay, &relay->udp[i], address, SOCK_DGRAM);

        if (r >= 0)
                r = listen_on(relay, &relay->tcp[i], address, SOCK_STREAM);
        if (r >= 0)
                return r;
        (void)inet_ntop(address->any.sa_family, bytes, text, sizeof(text)); /* fits */
        return error_errno(error, -r, "Failed to answer names on '%s', address %s port %d",
                           relay->interface, text, DNS_PORT);
}

static int listen_all(DnsRelay *relay, const DnsRelayConfig *config, Error *error)
{
        SocketAddress v4 = { .v4 = { .sin_family = AF_INET, .sin_port = htons(DNS_PORT) } };
        SocketAddress v6 = { .v6 = { .sin6_family = AF_INET6, .sin6_port = htons(DNS_PORT) } };
        int r = 0;

        if (config->v4) {
                v4.v4.sin_addr = *config->v4;
                r = listen_both(relay, 0, &v4, error);
        }
        if (r >= 0 && config->v6) {
                v6.v6.sin6_addr = *config->v6;
                if (IN6_IS_ADDR_LINKLOCAL(config->v6))
                        v6.v6.sin6_scope_id = if_nametoindex(relay->interface);
                r = listen_both(relay, 1, &v6, error);
        }
        return r;
}

static int open_loop(DnsRelay *relay)
{
        relay->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (relay->epoll_fd < 0)
                return -errno;
        relay->timer.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        if (relay->timer.fd < 0)
                return -errno;
        relay->timer.on_event = on_timer;
        return dns_relay_watch(relay, &relay->timer, EPOLLIN);
}

int dns_relay_new(const DnsRelayConfig *config, DnsRelay **ret, Error *error)
{
        _cleanup_(dns_relay_freep) DnsRelay *relay = calloc(1, sizeof(DnsRelay));
        const char *path = config->resolv_conf_path;
        int r;

        if (!relay)
                return error_set(error, ENOMEM, "Out of memory");
        relay->epoll_fd = -EBADF;
        relay->armed_usec = USEC_INFINITY;
        relay->timer = relay->udp[0] = relay->udp[1] = relay->tcp[0] = relay->tcp[1] =
                DNS_SOURCE_NULL;
        relay->zone = config->zone;
        relay->path = strdup(path ? path : "/etc/resolv.conf");
        relay->domain = config->zone.domain ? strdup(config->zone.domain) : NULL;
        if (!relay->path || (config->zone.domain && !relay->domain))
                return error_set(error, ENOMEM, "Out of memory");
        relay->zone.domain = relay->domain;
        if (strlen(config->interface) >= sizeof(relay->interface))
                return error_set(error, EINVAL, "'%s' is no name of a link", config->interface);
        strcpy(relay->interface, config->interface);
        r = open_loop(relay);
        if (r < 0)
                return error_errno(error, -r, "Failed to set up the event loop for names");
        r = listen_all(relay, config, error);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(relay);
        return 0;
}

DnsRelay *dns_relay_free(DnsRelay *relay)
{
        if (!relay)
                return NULL;
        dns_udp_done(relay);
        dns_tcp_done(relay);
        for (unsigned i = 0; i < 2; i++) {
                dns_source_close(relay, &relay->udp[i]);
                dns_source_close(relay, &relay->tcp[i]);
        }
        dns_source_close(relay, &relay->timer);
        closep(&relay->epoll_fd);
        free(relay->path);
        free(relay->domain);
        free(relay);
        return NULL;
}

int dns_relay_fd(const DnsRelay *relay)
{
        return relay->epoll_fd;
}

void dns_relay_process(DnsRelay *relay)
{
        struct epoll_event e;

        /* one at a time: none may speak of a source that the one before has freed */
        for (unsigned i = 0; i < EVENTS_AT_ONCE && epoll_wait(relay->epoll_fd, &e, 1, 0) > 0; i++) {
                DnsSource *source = e.data.ptr;

                source->on_event(relay, source);
        }
}
