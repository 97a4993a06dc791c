/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A short-lived child joins the network namespace and writes down what it finds. */

#include "machine/addresses.h"

#include "base/buffer.h"
#include "base/fd.h"
#include "base/strv.h"
#include "os/namespace.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/wait.h>

#define ADDRESSES_MAX 65536

static bool is_link_local(const struct sockaddr *a)
{
        return a->sa_family == AF_INET6 &&
               IN6_IS_ADDR_LINKLOCAL(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr);
}

static void append(Buffer *text, const struct ifaddrs *i)
{
        char address[INET6_ADDRSTRLEN];
        const void *bytes;

        if (i->ifa_addr->sa_family == AF_INET)
                bytes = &((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr;
        else
                bytes = &((const struct sockaddr_in6 *)(const void *)i->ifa_addr)->sin6_addr;
        if (!inet_ntop(i->ifa_addr->sa_family, bytes, address, sizeof(address)))
                return;
        buffer_printf(text, is_link_local(i->ifa_addr) ? "%s%%%s\n" : "%s\n", address, i->ifa_name);
}

static _noreturn_ void child(const Machine *m, int out)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        struct ifaddrs *list = NULL;

        if (namespace_join(m->leader_fd, CLONE_NEWNET) < 0 || getifaddrs(&list) < 0)
                _exit(EXIT_FAILURE);
        for (int link_local = 0; link_local < 2; link_local++)
                for (struct ifaddrs *i = list; i; i = i->ifa_next) {
                        if (!i->ifa_addr || i->ifa_flags & IFF_LOOPBACK ||
                            (i->ifa_addr->sa_family != AF_INET &&
                             i->ifa_addr->sa_family != AF_INET6) ||
                            is_link_local(i->ifa_addr) != link_local)
                                continue;
                        append(&text, i);
                }
        if (text.size > 0 && write_all(out, text.data, text.size) < 0)
                _exit(EXIT_FAILURE);
        _exit(EXIT_SUCCESS);
}

int addresses_of(const Machine *m, char ***ret)
{
        _cleanup_free_ char *text = NULL;
        int ends[2], status = 0, namespaces;
        ssize_t n;
        pid_t pid;

        if (namespace_difference(m->leader, &namespaces) < 0 || !(namespaces & CLONE_NEWNET))
                return 0;
        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        pid = fork();
        if (pid == 0)
                child(m, ends[1]);
        (void)close(ends[1]);
        n = pid < 0 ? -errno : read_fd(ends[0], ADDRESSES_MAX, &text);
        (void)close(ends[0]);
        while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        if (n < 0)
                return (int)n;
        return status == 0 ? strv_split(text, "\n", ret) : -ENXIO;
}
