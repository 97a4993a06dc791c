/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files of PUBLISHED_DIRECTORY, read anew for each question: there is no state to be wrong. */

#include "nss/host.h"

#include "base/cleanup.h"
#include "base/fd.h"
#include "network/dns-zone.h"
#include "network/link-name.h"

#include <fcntl.h>
#include <string.h>

static int read_host(int dirfd, const char *name, Published *ret)
{
        _cleanup_published_ Published p = PUBLISHED_NULL;
        int r = published_find(dirfd, name, &p);

        if (r == -ENOMEM)
                return r;
        if (r < 0 || p.n_addresses == 0 || !link_name_find_end(p.machine, NULL))
                return -ENOENT;
        *ret = p;
        p = PUBLISHED_NULL;
        return 0;
}

static int open_directory(void)
{
        int fd = open(PUBLISHED_DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

int host_find(const char *name, Published *ret)
{
        static const char domain[] = "." DNS_ZONE_DOMAIN;
        _cleanup_free_ char *machine = NULL;
        _cleanup_close_ int fd = -EBADF;
        size_t n = strlen(name), m = sizeof(domain) - 1;

        if (n > m && strcasecmp(name + n - m, domain) == 0)
                n -= m;
        else if (memchr(name, '.', n)) /* most questions: they cost no system call */
                return -ENOENT;
        fd = open_directory();
        if (fd < 0)
                return fd;
        machine = strndup(name, n);
        return machine ? read_host(fd, machine, ret) : -ENOMEM;
}

int host_find_address(const IpAddress *address, Published *ret)
{
        _cleanup_close_ int fd = open_directory();

        return fd < 0 ? fd : published_find_address(fd, address, ret);
}
