/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds who listens on a port: an attempt to bind tells at once that a port is free; only if it
 * fails the kernel's list of sockets is read, which on a busy host is long. */

#include "network/port-holder.h"

#include "base/fd.h"
#include "base/parse.h"
#include "base/strv.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>

#define SOCKETS_MAX (256 << 20) /* of the text of /proc/net/tcp */
#define PROBES_MAX 64           /* beyond, reading the list once is cheaper */
#define TCP_STATE_LISTEN 0x0a   /* include/net/tcp_states.h */
#define UDP_STATE_OPEN 0x07

void port_holder_done(PortHolder *holder)
{
        free(holder->command);
        free(holder->unit);
        *holder = PORT_HOLDER_NULL;
}

/* False where it cannot be known, too. */
static bool may_bind(const PublishedPort *port, uint16_t number)
{
        bool v4 = port->host.family == AF_INET;
        int type = port->protocol == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM, no = 0;
        _cleanup_close_ int fd = socket(v4 ? AF_INET : AF_INET6, type | SOCK_CLOEXEC, 0);
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(number) };
        struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(number) };

        if (fd < 0)
                return false;
        if (v4) {
                in.sin_addr = port->host.v4;
                return bind(fd, (const struct sockaddr *)&in, sizeof(in)) >= 0;
        }
        if (port->host.family == AF_INET6)
                in6.sin6_addr = port->host.v6;
        /* of both families at once, unless it is about one */
        else if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no)) < 0)
                return false;
        return bind(fd, (const struct sockaddr *)&in6, sizeof(in6)) >= 0;
}

static bool all_may_bind(const PublishedPort *port)
{
        if (port->last - port->first >= PROBES_MAX)
                return false;
        for (unsigned int n = port->first; n <= port->last; n++)
                if (!may_bind(port, (uint16_t)n))
                        return false;
        return true;
}

/* The kernel prints an address as 32-bit words in the host's byte order. */
static int parse_address(const char *hex, IpAddress *ret)
{
        IpAddress a = { .family = strlen(hex) == 8 ? AF_INET : AF_INET6 };
        uint32_t words[4] = {};
        size_t n = strlen(hex) / 8;

        if (strlen(hex) != 8 && strlen(hex) != 32)
                return -EINVAL;
        for (size_t i = 0; i < n; i++)
                if (sscanf(hex + 8 * i, "%8" SCNx32, &words[i]) != 1)
                        return -EINVAL;
        memcpy(&a.v6, words, n * 4);
        if (a.family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&a.v6)) {
                a.family = AF_INET;
                a.v4.s_addr = words[3];
        }
        *ret = a;
        return 0;
}

/* Reads one line of /proc/net/{tcp,udp}{,6}. 1: such a socket is in the way of @port. */
static int match_line(const char *line, const PublishedPort *port, uint16_t *ret_port,
                      uint64_t *ret_inode)
{
        PublishedPort other = { .protocol = port->protocol };
        unsigned int number, state;
        char address[33];
        uint64_t inode;

        if (sscanf(line,
                   " %*u: %32[0-9A-F]:%4x %*[0-9A-F]:%*4x %2x %*8x:%*8x %*2x:%*8x %*8x %*u %*u "
                   "%" SCNu64,
                   address, &number, &state, &inode) != 4 ||
            state != (port->protocol == IPPROTO_UDP ? UDP_STATE_OPEN : TCP_STATE_LISTEN) ||
            parse_address(address, &other.host) < 0)
                return 0;
        other.first = other.last = (uint16_t)number;
        /* [::] usually takes IPv4 as well; the list does not tell, so a bind had to */
        if (other.host.family == AF_INET6 && published_address_is_any(&other.host) &&
            port->host.family == AF_INET && !may_bind(port, (uint16_t)number))
                other.host.family = AF_UNSPEC;
        if (!published_port_overlaps(&other, port))
                return 0;
        *ret_port = (uint16_t)number;
        *ret_inode = inode;
        return 1;
}

static int find_socket(const char *path, const PublishedPort *port, uint16_t *ret_port,
                       uint64_t *ret_inode)
{
        _cleanup_free_ char *text = NULL;
        ssize_t n = read_file_at(AT_FDCWD, path, SOCKETS_MAX, &text);
        char *save = NULL;

        if (n == -ENOENT)
                return 0; /* a kernel without IPv6 */
        if (n < 0)
                return (int)n;
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
                if (match_line(line, port, ret_port, ret_inode) > 0)
                        return 1;
        return 0;
}

static bool process_has(int proc, const char *pid, const char *link)
{
        char path[64], target[64];
        _cleanup_closedir_ DIR *d = NULL;
        int fd;

        (void)snprintf(path, sizeof(path), "%.16s/fd", pid);
        fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        d = fd < 0 ? NULL : fdopendir(fd);
        for (struct dirent *e; d && (e = readdir(d));) {
                ssize_t n = readlinkat(fd, e->d_name, target, sizeof(target) - 1);

                if (n <= 0)
                        continue;
                target[n] = '\0';
                if (strcmp(target, link) == 0)
                        return true;
        }
        return false;
}

/* The last part of a cgroup path that is a unit. */
static char *unit_of(char *cgroup)
{
        char *unit = NULL, *save = NULL;

        for (char *part = strtok_r(cgroup, "/\n", &save); part;
             part = strtok_r(NULL, "/\n", &save)) {
                const char *dot = strrchr(part, '.');

                if (dot && (strcmp(dot, ".service") == 0 || strcmp(dot, ".scope") == 0 ||
                            strcmp(dot, ".socket") == 0))
                        unit = part;
        }
        return unit ? strdup(unit) : NULL;
}

static void describe(int proc, const char *pid, PortHolder *holder)
{
        _cleanup_free_ char *cgroup = NULL, *command = NULL;
        char path[64];

        (void)parse_int(pid, &holder->pid);
        (void)snprintf(path, sizeof(path), "%.16s/comm", pid);
        if (read_file_at(proc, path, 4096, &command) > 0) {
                command[strcspn(command, "\n")] = '\0';
                holder->command = TAKE_PTR(command);
        }
        (void)snprintf(path, sizeof(path), "%.16s/cgroup", pid);
        if (read_file_at(proc, path, 65536, &cgroup) > 0)
                holder->unit = unit_of(cgroup);
}

/* What cannot be found stays unknown: that the port is taken is known already. */
static void find_process(uint64_t inode, PortHolder *holder)
{
        _cleanup_closedir_ DIR *proc = opendir("/proc");
        char link[64];

        (void)snprintf(link, sizeof(link), "socket:[%" PRIu64 "]", inode);
        for (struct dirent *e; proc && (e = readdir(proc));)
                if (e->d_name[0] >= '1' && e->d_name[0] <= '9' &&
                    process_has(dirfd(proc), e->d_name, link)) {
                        describe(dirfd(proc), e->d_name, holder);
                        return;
                }
}

int port_holder_find(const PublishedPort *port, PortHolder *ret)
{
        static const char *const tcp[] = { "/proc/net/tcp", "/proc/net/tcp6" };
        static const char *const udp[] = { "/proc/net/udp", "/proc/net/udp6" };
        const char *const *lists = port->protocol == IPPROTO_UDP ? udp : tcp;
        PortHolder holder = PORT_HOLDER_NULL;
        uint64_t inode = 0;
        int r = 0;

        if (all_may_bind(port))
                return 0;
        for (size_t i = 0; r == 0 && i < ELEMENTSOF(tcp); i++)
                r = find_socket(lists[i], port, &holder.port, &inode);
        if (r <= 0)
                return r;
        find_process(inode, &holder);
        *ret = holder;
        return 1;
}

int port_holder_refuse(const PublishedPort *port, const PortHolder *holder, Error *error)
{
        const char *protocol = port->protocol == IPPROTO_UDP ? "udp" : "tcp";

        if (holder->pid <= 0)
                error_set(error, EADDRINUSE, "Port %u/%s of the host is held by somebody",
                          holder->port, protocol);
        else
                error_set(error, EADDRINUSE, "Port %u/%s of the host is held by %s (pid %d%s%s)",
                          holder->port, protocol, holder->command ?: "a process", (int)holder->pid,
                          holder->unit ? ", " : "", holder->unit ?: "");
        error_hint(error, "stop it, or publish another port");
        return -EADDRINUSE;
}
