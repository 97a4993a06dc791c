/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two machines, each behind a link of its own, whose host sides have the same address: each relay
 * answers its machine and nobody else. */

#include "relayed.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define GATEWAY "100.64.0.1"
#define MACHINES 2

typedef struct Guest {
        pid_t pid;
        DnsRelay *relay;
        char link[IF_NAMESIZE];
} Guest;

static bool run(const char *format, ...) __attribute__((format(printf, 1, 2)));
static bool run(const char *format, ...)
{
        char command[256];
        va_list ap;

        va_start(ap, format);
        (void)vsnprintf(command, sizeof(command), format, ap);
        va_end(ap);
        return system(command) == 0;
}

/* A process that holds a network namespace until the test ends. */
static pid_t hold_network(void)
{
        int fds[2];
        pid_t pid;
        char c;

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || unshare(CLONE_NEWNET) < 0 ||
                    write(fds[1], "x", 1) != 1)
                        _exit(EXIT_FAILURE);
                for (;;)
                        (void)pause();
        }
        assert_int_equal(close(fds[1]), 0);
        assert_int_equal(read(fds[0], &c, 1), 1);
        assert_int_equal(close(fds[0]), 0);
        return pid;
}

/* A socket stays in the network that it was made in. */
static int socket_in(pid_t pid, int type)
{
        _cleanup_close_ int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), there = -EBADF;
        char path[64];
        int fd;

        (void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
        there = open(path, O_RDONLY | O_CLOEXEC);
        assert_int_equal(setns(there, CLONE_NEWNET), 0);
        fd = open_socket(GATEWAY, type, false);
        assert_int_equal(setns(here, CLONE_NEWNET), 0);
        return fd;
}

static void guest_start(Guest *g, unsigned i)
{
        _cleanup_error_ Error error = ERROR_NULL;
        struct in_addr v4 = { .s_addr = inet_addr(GATEWAY) };
        const struct in6_addr v6 = { .s6_addr = { 0xfd, [15] = 1 } }; /* nobody has it yet */
        DnsRelayConfig config = { .interface = g->link, .v4 = &v4, .v6 = &v6, .zone = NAMES_ZONE };

        g->pid = hold_network();
        (void)snprintf(g->link, sizeof(g->link), "ve-%u", i);
        assert_true(run("ip link add %s type veth peer name host0 netns %d", g->link, g->pid));
        assert_true(
                run("ip addr add " GATEWAY "/32 dev %s && ip link set %s up", g->link, g->link));
        assert_true(run("ip route add 100.64.0.1%u/32 dev %s", i, g->link));
        assert_true(run("nsenter -n -t %d sh -c 'ip addr add 100.64.0.1%u/24 dev host0 && "
                        "ip link set host0 up'",
                        g->pid, i));
        if (dns_relay_new(&config, &g->relay, &error) < 0)
                fail_msg("%s", error.message);
}

static void guest_stop(Guest *g)
{
        g->relay = dns_relay_free(g->relay);
        assert_int_equal(kill(g->pid, SIGKILL), 0);
        assert_int_equal(waitpid(g->pid, NULL, 0), g->pid);
}

/* By UDP, or with the length before it. */
static void ask(int fd, int type)
{
        uint8_t query[2 + DNS_UDP_SIZE];
        size_t n = name_query(query + 2, 1, "web", DNS_TYPE_A), skip = type == SOCK_DGRAM ? 2 : 0;

        query[0] = 0;
        query[1] = (uint8_t)n;
        assert_int_equal(send(fd, query + skip, 2 + n - skip, 0), (ssize_t)(2 + n - skip));
}

static void try_guest(const Guest *g, const Guest *other, int type)
{
        _cleanup_close_ int fd = socket_in(g->pid, type);
        struct pollfd p = { .fd = fd, .events = POLLOUT };
        uint8_t data[DNS_UDP_SIZE];

        assert_int_equal(poll(&p, 1, 20000), 1); /* connected */
        ask(fd, type);
        if (type == SOCK_DGRAM)
                assert_false(run_until(other->relay, fd, 200)); /* not its machine */
        assert_true(run_until(g->relay, fd, 20000));
        assert_true(recv(fd, data, sizeof(data), 0) > DNS_HEADER_SIZE);
}

/* The host asks itself: that comes by lo. */
static void try_host(const Guest *guests, int type)
{
        _cleanup_close_ int fd = open_socket(GATEWAY, type, false);
        struct pollfd p = { .fd = fd, .events = POLLOUT };

        if (type == SOCK_DGRAM)
                ask(fd, type);
        else
                assert_int_equal(poll(&p, 1, 100), 0); /* not connected */
        for (unsigned i = 0; i < MACHINES; i++)
                assert_false(run_until(guests[i].relay, fd, 100));
}

static void test_same_address(void **state)
{
        static const int types[] = { SOCK_DGRAM, SOCK_STREAM };
        Guest guests[MACHINES] = {};

        for (unsigned i = 0; i < MACHINES; i++)
                guest_start(&guests[i], i);
        for (unsigned t = 0; t < ELEMENTSOF(types); t++) {
                for (unsigned i = 0; i < MACHINES; i++)
                        try_guest(&guests[i], &guests[!i], types[t]);
                try_host(guests, types[t]);
        }
        for (unsigned i = 0; i < MACHINES; i++)
                guest_stop(&guests[i]);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_same_address),
        };
        int r = network_enter();

        if (r != 0)
                return r;
        if (!run("ip link add probe type veth peer name probe0 && ip link del probe")) {
                fprintf(stderr, "skipped: no ip(8), or the kernel makes no links for us\n");
                return WORLD_SKIP;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
