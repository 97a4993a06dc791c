/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What can only be known by trying: whether names are answered and ports lead somewhere. Every
 * question goes out at once, and one deadline holds for all. */

#include "network/check-gather.h"

#include "base/fd.h"
#include "base/parse.h"
#include "network/dns-message.h"
#include "network/resolv-conf.h"
#include "os/clock.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

/* the relay gives each server two seconds */
#define DNS_PATIENCE_USEC ((2 * RESOLV_CONF_SERVERS + 1) * USEC_PER_SEC)
#define PORT_PATIENCE_USEC USEC_PER_SEC
#define PROBES_MAX 256
#define RANGE_MAX 16           /* ports of one range that are tried */
#define SOCKETS_MAX (16 << 20) /* of the text of /proc/net/tcp */
#define TCP_STATE_LISTEN 0x0a  /* include/net/tcp_states.h */
#define UDP_STATE_OPEN 0x07
#define QUESTION_OWN 0x5354
#define QUESTION_OUTSIDE 0x5355

static SocketAddress socket_address(const IpAddress *a, uint16_t port)
{
        SocketAddress s = {};

        if (a->family == AF_INET)
                s.v4 = (struct sockaddr_in){ .sin_family = AF_INET,
                                             .sin_port = htons(port),
                                             .sin_addr = a->v4 };
        else
                s.v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
                                              .sin6_port = htons(port),
                                              .sin6_addr = a->v6 };
        return s;
}

/* A question about one label, or about the root if @label is "". */
static size_t make_question(uint16_t id, const char *label, uint16_t type, uint8_t buffer[128])
{
        size_t n = strnlen(label, 63), at = DNS_HEADER_SIZE;

        memset(buffer, 0, 128);
        dns_message_set_id(buffer, id);
        buffer[2] = 1; /* RD */
        buffer[5] = 1; /* one question */
        if (n > 0) {
                buffer[at] = (uint8_t)n;
                memcpy(buffer + at + 1, label, n);
                at += n + 1;
        }
        buffer[at + 2] = (uint8_t)type; /* after the root's 0, in two bytes */
        buffer[at + 4] = DNS_CLASS_IN;
        return at + 5;
}

static void receive_answers(CheckFacts *f, int fd)
{
        uint64_t end = clock_now_usec() + DNS_PATIENCE_USEC;

        while (f->dns_own == -ETIMEDOUT || f->dns_outside == -ETIMEDOUT) {
                struct pollfd p = { .fd = fd, .events = POLLIN };
                uint64_t now = clock_now_usec();
                uint8_t answer[DNS_UDP_SIZE];
                ssize_t n;

                if (now >= end || poll(&p, 1, (int)((end - now) / 1000) + 1) <= 0)
                        break;
                n = recv(fd, answer, sizeof(answer), MSG_DONTWAIT);
                if (n < 0 && errno == ECONNREFUSED) {
                        f->dns_own = f->dns_outside = -errno;
                } else if (n >= DNS_HEADER_SIZE) {
                        int code = (int)dns_message_rcode(answer);

                        if (dns_message_id(answer) == QUESTION_OWN)
                                f->dns_own = code;
                        else if (dns_message_id(answer) == QUESTION_OUTSIDE)
                                f->dns_outside = code;
                }
        }
}

/* Through the machine's own network, as its programs would. */
int check_probe_dns(CheckFacts *f, const CheckSockets *sockets)
{
        for (size_t i = 0; i < f->n_addresses; i++) {
                const CheckAddress *a = &f->addresses[i];
                int fd = a->address.family == AF_INET ? sockets->udp4 : sockets->udp6;
                SocketAddress to;
                uint8_t data[128];
                size_t n;

                if (!a->gateway_here || fd < 0)
                        continue;
                to = socket_address(&a->out.gateway, DNS_PORT);
                f->dns_asked = true;
                f->dns_own = f->dns_outside = -ETIMEDOUT;
                if (connect(fd, &to.any, socket_address_size(&to)) < 0)
                        return 0;
                n = make_question(QUESTION_OWN, f->name,
                                  a->address.family == AF_INET ? DNS_TYPE_A : DNS_TYPE_AAAA, data);
                (void)send(fd, data, n, MSG_NOSIGNAL); /* no answer is an answer */
                n = make_question(QUESTION_OUTSIDE, "", 2 /* NS: RFC 1035, 3.2.2 */, data);
                (void)send(fd, data, n, MSG_NOSIGNAL);
                receive_answers(f, fd);
                return 0;
        }
        return 0;
}

/* The kernel prints an address as 32-bit words in the host's byte order. */
static CheckListener judge_address(const char *hex, const IpAddress *address)
{
        uint32_t words[4] = {};
        size_t n = strlen(hex) / 8;

        for (size_t i = 0; i < n && i < 4; i++)
                (void)sscanf(hex + 8 * i, "%8" SCNx32, &words[i]);
        if (words[0] == 0 && words[1] == 0 && words[2] == 0 && words[3] == 0)
                return CHECK_LISTENER_THERE; /* [::] takes IPv4, too, unless it was told not to */
        if (n == 1 ? (ntohl(words[0]) >> 24) == 127
                   : words[0] == 0 && words[1] == 0 && words[2] == 0 && words[3] == htonl(1))
                return CHECK_LISTENER_LOOPBACK;
        return n * 4 == ip_address_size(address->family) &&
                               memcmp(words, address->bytes, n * 4) == 0
                       ? CHECK_LISTENER_THERE
                       : CHECK_LISTENER_ELSEWHERE;
}

CheckListener check_probe_listener(const char *v4, const char *v6, int protocol,
                                   const IpAddress *address, uint16_t port)
{
        const char *texts[] = { v4, v6 };
        unsigned wanted = protocol == IPPROTO_UDP ? UDP_STATE_OPEN : TCP_STATE_LISTEN;
        CheckListener best = CHECK_LISTENER_NONE;

        if (!v4 && !v6)
                return CHECK_LISTENER_UNKNOWN;
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                for (const char *line = texts[i]; line; line = strchr(line, '\n')) {
                        unsigned number, state;
                        char hex[33];
                        CheckListener l;

                        line += *line == '\n';
                        if (sscanf(line, " %*u: %32[0-9A-F]:%4x %*[0-9A-F]:%*4x %2x", hex, &number,
                                   &state) != 3 ||
                            number != port || state != wanted)
                                continue;
                        l = judge_address(hex, address);
                        if (l == CHECK_LISTENER_THERE && i == 0 && address->family == AF_INET6)
                                l = CHECK_LISTENER_ELSEWHERE;
                        best = MAX_OF(best, l);
                }
        return best;
}

typedef struct SocketTexts {
        char *v4, *v6;
} SocketTexts;

static void read_sockets(pid_t leader, const char *protocol, SocketTexts *ret)
{
        char path[64];

        (void)snprintf(path, sizeof(path), "/proc/%d/net/%s", (int)leader, protocol);
        if (read_file_at(AT_FDCWD, path, SOCKETS_MAX, &ret->v4) < 0)
                ret->v4 = NULL;
        (void)snprintf(path, sizeof(path), "/proc/%d/net/%s6", (int)leader, protocol);
        if (read_file_at(AT_FDCWD, path, SOCKETS_MAX, &ret->v6) < 0)
                ret->v6 = NULL;
}

/* The ways to a port by one family: loopback and the host's own address, or the one it is bound to.
 */
static size_t find_targets(const CheckAddress *a, const PublishedPort *port, IpAddress ret[2])
{
        IpAddress loopback = { .family = a->address.family };
        size_t n = 0;

        if (port->host.family != AF_UNSPEC && port->host.family != a->address.family)
                return 0;
        if (!published_address_is_any(&port->host)) {
                ret[0] = port->host;
                return 1;
        }
        if (loopback.family == AF_INET)
                loopback.v4.s_addr = htonl(INADDR_LOOPBACK);
        else
                loopback.v6 = in6addr_loopback;
        ret[n++] = loopback;
        if (a->uplink.asked && a->uplink.error == 0 && a->uplink.source.family != AF_UNSPEC)
                ret[n++] = a->uplink.source;
        return n;
}

static void add_probes(CheckFacts *f, const CheckAddress *a, const PublishedPort *port,
                       const SocketTexts *texts)
{
        IpAddress targets[2];
        size_t n = find_targets(a, port, targets);

        for (unsigned i = 0; i <= (unsigned)(port->last - port->first) && i < RANGE_MAX; i++)
                for (size_t k = 0; k < n && f->n_probes < PROBES_MAX; k++) {
                        CheckProbe *q = &f->probes[f->n_probes++];

                        *q = (CheckProbe){ .target = targets[k],
                                           .protocol = port->protocol,
                                           .host = (uint16_t)(port->first + i),
                                           .machine = (uint16_t)(port->machine_first + i) };
                        q->listener = check_probe_listener(texts->v4, texts->v6, port->protocol,
                                                           &a->address, q->machine);
                }
}

static void begin_probe(CheckProbe *q, struct pollfd *p)
{
        SocketAddress to = socket_address(&q->target, q->host);

        p->fd = socket(q->target.family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        p->events = POLLOUT;
        if (p->fd < 0)
                return;
        q->error = ETIMEDOUT;
        if (connect(p->fd, &to.any, socket_address_size(&to)) >= 0)
                q->error = 0;
        else if (errno != EINPROGRESS)
                q->error = errno;
        /* a host without such an address: nobody will come that way */
        q->asked = q->error != EADDRNOTAVAIL;
        if (q->error != ETIMEDOUT) {
                (void)close(p->fd);
                p->fd = -EBADF;
        }
}

static void end_probe(CheckProbe *q, struct pollfd *p)
{
        socklen_t size = sizeof(q->error);

        if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &q->error, &size) < 0)
                q->error = errno;
        (void)close(p->fd);
        p->fd = -EBADF;
}

/* UDP has no answer that every server gives; of it only the listener is known. */
static void ask(CheckProbe *probes, size_t n)
{
        struct pollfd polls[PROBES_MAX];
        uint64_t end = clock_now_usec() + PORT_PATIENCE_USEC;
        size_t open = 0;

        for (size_t i = 0; i < n; i++) {
                polls[i] = (struct pollfd){ .fd = -EBADF };
                if (probes[i].protocol == IPPROTO_TCP)
                        begin_probe(&probes[i], &polls[i]);
                open += polls[i].fd >= 0;
        }
        for (bool late = false; open > 0 && !late;) {
                uint64_t now = clock_now_usec();

                late = now >= end; /* what has come by then is an answer all the same */
                if (poll(polls, n, late ? 0 : (int)((end - now) / 1000) + 1) <= 0)
                        break;
                for (size_t i = 0; i < n; i++)
                        if (polls[i].fd >= 0 && polls[i].revents != 0) {
                                end_probe(&probes[i], &polls[i]);
                                open--;
                        }
        }
        for (size_t i = 0; i < n; i++)
                closep(&polls[i].fd);
}

int check_probe_ports(CheckFacts *f, const Published *p, pid_t leader)
{
        SocketTexts tcp = {}, udp = {};

        if (p->n_ports == 0)
                return 0;
        f->probes = calloc(PROBES_MAX, sizeof(CheckProbe));
        if (!f->probes)
                return -ENOMEM;
        read_sockets(leader, "tcp", &tcp);
        read_sockets(leader, "udp", &udp);
        for (size_t i = 0; i < p->n_ports; i++)
                for (size_t k = 0; k < f->n_addresses; k++)
                        add_probes(f, &f->addresses[k], &p->ports[i],
                                   p->ports[i].protocol == IPPROTO_UDP ? &udp : &tcp);
        free(tcp.v4);
        free(tcp.v6);
        free(udp.v4);
        free(udp.v6);
        ask(f->probes, f->n_probes);
        return 0;
}
