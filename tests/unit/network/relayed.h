/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A relay on the loopback link of a network namespace of the test's own, where the test itself
 * plays the machine and the host's name servers. */

#include "names.h"

#include "base/parse.h"
#include "network/dns-relay.h"
#include "os/clock.h"

#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define HERE "127.0.0.1" /* where the relay listens */
#define FIRST "127.0.0.2"
#define SECOND "127.0.0.3"

/* After world_enter(). The loopback link is up. */
static inline int network_enter(void)
{
        _cleanup_close_ int fd = -EBADF;
        struct ifreq request = { .ifr_name = "lo" };
        int r = world_enter();

        if (r != 0)
                return r;
        if (unshare(CLONE_NEWNET) < 0) {
                perror("skipped: the kernel gives no network namespace");
                return WORLD_SKIP;
        }
        fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        request.ifr_flags = IFF_UP | IFF_RUNNING;
        if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0) {
                perror("failed to raise the loopback link");
                return EXIT_FAILURE;
        }
        return 0;
}

static inline void put_servers(const char *text)
{
        world_put("", "/etc/resolv.conf", text, 0644);
}

static inline DnsRelay *relay_start(const char *servers)
{
        _cleanup_error_ Error error = ERROR_NULL;
        struct in_addr v4 = { .s_addr = inet_addr(HERE) };
        const struct in6_addr v6 = IN6ADDR_LOOPBACK_INIT;
        DnsRelayConfig config = { .interface = "lo", .v4 = &v4, .v6 = &v6, .zone = NAMES_ZONE };
        DnsRelay *relay = NULL;

        put_servers(servers);
        if (dns_relay_new(&config, &relay, &error) < 0)
                fail_msg("%s", error.message);
        return relay;
}

/* Binds to the address with port 53, or connects to it. */
static inline int open_socket(const char *address, int type, bool server)
{
        struct sockaddr_in a = { .sin_family = AF_INET,
                                 .sin_port = htons(DNS_PORT),
                                 .sin_addr.s_addr = inet_addr(address) };
        const int on = 1;
        int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        assert_true(fd >= 0);
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
        if (server) {
                assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
                if (type == SOCK_STREAM)
                        assert_int_equal(listen(fd, 64), 0);
        } else if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
                assert_int_equal(errno, EINPROGRESS);
        }
        return fd;
}

/* Runs the relay until @fd is readable. False: it was not, in so many milliseconds. */
static inline bool run_until(DnsRelay *relay, int fd, int milliseconds)
{
        uint64_t end = clock_now_usec() + (uint64_t)milliseconds * 1000;

        for (;;) {
                struct pollfd fds[] = { { .fd = fd, .events = POLLIN },
                                        { .fd = dns_relay_fd(relay), .events = POLLIN } };
                uint64_t now = clock_now_usec();

                if (now >= end)
                        return false;
                assert_true(poll(fds, 2, (int)((end - now) / 1000) + 1) >= 0);
                if (fds[1].revents)
                        dns_relay_process(relay);
                if (fds[0].revents)
                        return true;
        }
}

/* Makes a query in place an answer of the kind that servers give. Returns its size. */
static inline size_t make_answer(uint8_t *data, size_t size, DnsRcode rcode)
{
        data[2] = 0x81;
        data[3] = (uint8_t)(0x80 | rcode);
        if (rcode != DNS_NOERROR)
                return size;
        data[7] = 1;
        memcpy(data + size, "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1", 16);
        return size + 16;
}
