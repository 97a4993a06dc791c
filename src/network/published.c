/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One machine's published ports: values, and their file. */

#include "network/published.h"

#include "base/fd.h"
#include "config/definition.h"
#include "network/link-name.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <sys/stat.h>

#define TEXT_MAX (1 << 20)

void published_done(Published *p)
{
        free(p->machine);
        free(p->interface);
        free(p->addresses);
        free(p->ports);
        *p = PUBLISHED_NULL;
}

int published_address_parse(const char *text, IpAddress *ret)
{
        IpAddress a = {};

        if (strcmp(text, "*") == 0)
                a.family = AF_UNSPEC;
        else if (inet_pton(AF_INET, text, &a.v4) > 0)
                a.family = AF_INET;
        else if (inet_pton(AF_INET6, text, &a.v6) > 0)
                a.family = AF_INET6;
        else
                return -EINVAL;
        *ret = a;
        return 0;
}

const char *published_address_to_string(const IpAddress *a, char buffer[static INET6_ADDRSTRLEN])
{
        if (a->family == AF_UNSPEC)
                return "*";
        return inet_ntop(a->family, &a->v6, buffer, INET6_ADDRSTRLEN);
}

bool published_address_is_any(const IpAddress *a)
{
        if (a->family == AF_INET)
                return a->v4.s_addr == htonl(INADDR_ANY);
        return a->family == AF_UNSPEC || IN6_IS_ADDR_UNSPECIFIED(&a->v6);
}

static bool ports_meet(const PublishedPort *a, const PublishedPort *b)
{
        return a->protocol == b->protocol && a->first <= b->last && b->first <= a->last &&
               (a->host.family == AF_UNSPEC || b->host.family == AF_UNSPEC ||
                a->host.family == b->host.family);
}

bool published_port_overlaps(const PublishedPort *a, const PublishedPort *b)
{
        return ports_meet(a, b) &&
               (published_address_is_any(&a->host) || published_address_is_any(&b->host) ||
                ip_address_equal(&a->host, &b->host));
}

/* One machine may give a port of one address another meaning than that of all others. */
static bool is_same_place(const PublishedPort *a, const PublishedPort *b)
{
        bool any = published_address_is_any(&a->host);

        if (!ports_meet(a, b) || any != published_address_is_any(&b->host))
                return false;
        return any || ip_address_equal(&a->host, &b->host);
}

/* A kernel takes nearly any byte in a name; ours are of these. '*' would be a wildcard to nft. */
bool published_interface_is_valid(const char *name)
{
        size_t n = strlen(name);

        return n > 0 && n < IFNAMSIZ &&
               strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
                       n &&
               name[0] != '.' && name[0] != '-';
}

int published_set_interface(Published *p, const char *name)
{
        char *copy;

        if (!published_interface_is_valid(name))
                return -EINVAL;
        copy = strdup(name);
        if (!copy)
                return -ENOMEM;
        free(p->interface);
        p->interface = copy;
        return 0;
}

int published_add_address(Published *p, const IpAddress *a)
{
        IpAddress *grown;

        if (a->family == AF_UNSPEC || published_address_is_any(a))
                return -EINVAL;
        grown = reallocarray(p->addresses, p->n_addresses + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        p->addresses = grown;
        p->addresses[p->n_addresses++] = *a;
        return 0;
}

int published_add_port(Published *p, const PublishedPort *port)
{
        PublishedPort *grown;

        if (port->first == 0 || port->machine_first == 0 || port->last < port->first ||
            port->machine_first + (port->last - port->first) > UINT16_MAX ||
            (port->protocol != IPPROTO_TCP && port->protocol != IPPROTO_UDP))
                return -EINVAL;
        for (size_t i = 0; i < p->n_ports; i++)
                if (is_same_place(&p->ports[i], port))
                        return -EEXIST;
        grown = reallocarray(p->ports, p->n_ports + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        p->ports = grown;
        p->ports[p->n_ports++] = *port;
        return 0;
}

int published_open_directory(Error *error)
{
        int fd, r = mkdir_parents_at(AT_FDCWD, PUBLISHED_DIRECTORY, 0755);

        if (r < 0)
                return error_errno(error, -r, "Failed to make '" PUBLISHED_DIRECTORY "'");
        fd = open(PUBLISHED_DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? error_errno(error, errno, "Failed to open '" PUBLISHED_DIRECTORY "'") : fd;
}

int published_write(int dirfd, const Published *p, Error *error)
{
        Published copy = *p;
        _cleanup_free_ char *text = NULL;
        int r;

        if (faccessat(dirfd, p->machine, F_OK, AT_SYMLINK_NOFOLLOW) >= 0)
                copy.replaces = true;
        text = published_format(&copy);
        if (!text)
                return error_set(error, ENOMEM, "Out of memory");
        r = write_file_atomic_at(dirfd, p->machine, text, 0644);
        if (r < 0)
                return error_errno(error, -r, "Failed to write '" PUBLISHED_DIRECTORY "/%s'",
                                   p->machine);
        return 0;
}

int published_read(int dirfd, const char *machine, Published *ret, Error *error)
{
        _cleanup_free_ char *text = NULL;
        struct stat st;
        ssize_t n;

        if (!machine_name_is_valid(machine))
                return error_set(error, EINVAL, "'%s' is no name of a machine", machine);
        if (fstatat(dirfd, machine, &st, AT_SYMLINK_NOFOLLOW) >= 0 && !S_ISREG(st.st_mode))
                return error_set(error, EBADMSG, "'" PUBLISHED_DIRECTORY "/%s' is no file",
                                 machine);
        n = read_file_at(dirfd, machine, TEXT_MAX, &text);
        if (n < 0)
                return error_errno(error, (int)-n, "Failed to read '" PUBLISHED_DIRECTORY "/%s'",
                                   machine);
        if (strlen(text) != (size_t)n)
                return error_set(error, EBADMSG, "'" PUBLISHED_DIRECTORY "/%s' is no text",
                                 machine);
        return published_parse(machine, text, ret, error);
}

int published_find(int dirfd, const char *name, Published *ret)
{
        _cleanup_closedir_ DIR *d = NULL;
        int fd, r = published_read(dirfd, name, ret, NULL);

        if (r != -ENOENT)
                return r;
        fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        d = fd < 0 ? NULL : fdopendir(fd);
        for (struct dirent *e; d && (e = readdir(d));)
                if (strcasecmp(e->d_name, name) == 0)
                        return published_read(dirfd, e->d_name, ret, NULL);
        return r;
}

bool published_has_address(const Published *p, const IpAddress *address)
{
        for (size_t i = 0; i < p->n_addresses; i++)
                if (ip_address_equal(&p->addresses[i], address))
                        return true;
        return false;
}

int published_find_address(int dirfd, const IpAddress *address, Published *ret)
{
        int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_closedir_ DIR *d = fd < 0 ? NULL : fdopendir(fd);

        for (struct dirent *e; d && (e = readdir(d));) {
                _cleanup_published_ Published p = PUBLISHED_NULL;
                int r = e->d_name[0] == '.' ? -ENOENT : published_read(dirfd, e->d_name, &p, NULL);

                if (r == -ENOMEM)
                        return r;
                if (r < 0 || !published_has_address(&p, address) ||
                    !link_name_find_end(p.machine, NULL))
                        continue;
                *ret = p;
                p = PUBLISHED_NULL;
                return 0;
        }
        return -ENOENT;
}

int published_remove(int dirfd, const char *machine)
{
        return unlinkat(dirfd, machine, 0) < 0 && errno != ENOENT ? -errno : 0;
}

bool published_any(int dirfd)
{
        _cleanup_closedir_ DIR *d = NULL;
        _cleanup_close_ int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        d = fd < 0 ? NULL : fdopendir(fd);
        if (!d)
                return true;
        fd = -EBADF; /* is the stream's now */
        for (struct dirent *e; (e = readdir(d));)
                if (e->d_name[0] != '.')
                        return true;
        return false;
}
