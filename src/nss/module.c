/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libnss_stead: what glibc calls for `stead` in the line `hosts:` of /etc/nsswitch.conf. It has no
 * headers for that; the shapes are those of its nss/nss.h and resolv/netdb.h. Must not know where
 * names come from. */

#include "base/cleanup.h"
#include "nss/host.h"

#include <errno.h>
#include <netdb.h>
#include <nss.h>
#include <stdalign.h>
#include <string.h>
#include <sys/socket.h>

#define EXPORT __attribute__((visibility("default")))

/* The caller's memory, from which answers are made, and where it wants to hear why there is none.
 */
typedef struct Reply {
        char *buffer;
        size_t size, used;
        int *error, *host_error;
} Reply;

enum nss_status _nss_stead_gethostbyname4_r(const char *name, struct gaih_addrtuple **ret,
                                            char *buffer, size_t size, int *error, int *host_error,
                                            int32_t *ttl) EXPORT;
enum nss_status _nss_stead_gethostbyname3_r(const char *name, int family, struct hostent *ret,
                                            char *buffer, size_t size, int *error, int *host_error,
                                            int32_t *ttl, char **canonical) EXPORT;
enum nss_status _nss_stead_gethostbyname2_r(const char *name, int family, struct hostent *ret,
                                            char *buffer, size_t size, int *error,
                                            int *host_error) EXPORT;
enum nss_status _nss_stead_gethostbyname_r(const char *name, struct hostent *ret, char *buffer,
                                           size_t size, int *error, int *host_error) EXPORT;
enum nss_status _nss_stead_gethostbyaddr2_r(const void *address, socklen_t length, int family,
                                            struct hostent *ret, char *buffer, size_t size,
                                            int *error, int *host_error, int32_t *ttl) EXPORT;
enum nss_status _nss_stead_gethostbyaddr_r(const void *address, socklen_t length, int family,
                                           struct hostent *ret, char *buffer, size_t size,
                                           int *error, int *host_error) EXPORT;

/* Zeroes; NULL: the caller has to come again with more. */
static void *take(Reply *reply, size_t n)
{
        size_t start = reply->used, misaligned = (uintptr_t)(reply->buffer + start);

        misaligned %= alignof(max_align_t);
        if (misaligned > 0)
                start += alignof(max_align_t) - misaligned;
        if (start > reply->size || n > reply->size - start)
                return NULL;
        reply->used = start + n;
        return memset(reply->buffer + start, 0, n);
}

static enum nss_status too_small(const Reply *reply)
{
        *reply->error = ERANGE;
        *reply->host_error = NETDB_INTERNAL;
        return NSS_STATUS_TRYAGAIN;
}

static enum nss_status not_found(const Reply *reply, int number, int host_error)
{
        *reply->error = number;
        *reply->host_error = number == ENOMEM ? TRY_AGAIN : host_error;
        return number == ENOMEM ? NSS_STATUS_TRYAGAIN : NSS_STATUS_NOTFOUND;
}

static enum nss_status found(const Reply *reply)
{
        *reply->error = 0;
        *reply->host_error = NETDB_SUCCESS;
        return NSS_STATUS_SUCCESS;
}

static char *take_name(Reply *reply, const char *name)
{
        char *copy = take(reply, strlen(name) + 1);

        return copy ? strcpy(copy, name) : NULL;
}

/* The addresses of one family as a hostent, which has no room for both. */
static enum nss_status fill(const Published *p, int family, struct hostent *ret, Reply *reply)
{
        size_t size = ip_address_size(family), n = 0;
        struct hostent h = { .h_addrtype = family, .h_length = (int)size };

        for (size_t i = 0; i < p->n_addresses; i++)
                n += p->addresses[i].family == family;
        if (n == 0)
                return not_found(reply, ENOENT, NO_DATA);
        h.h_name = take_name(reply, p->machine);
        h.h_aliases = take(reply, sizeof(char *));
        h.h_addr_list = take(reply, (n + 1) * sizeof(char *));
        if (!h.h_name || !h.h_aliases || !h.h_addr_list)
                return too_small(reply);
        n = 0;
        for (size_t i = 0; i < p->n_addresses; i++) {
                char *bytes;

                if (p->addresses[i].family != family)
                        continue;
                bytes = take(reply, size);
                if (!bytes)
                        return too_small(reply);
                h.h_addr_list[n++] = memcpy(bytes, p->addresses[i].bytes, size);
        }
        *ret = h;
        return found(reply);
}

static enum nss_status by_name(const char *name, int family, struct hostent *ret, Reply *reply)
{
        _cleanup_published_ Published p = PUBLISHED_NULL;
        int r;

        if (family == AF_UNSPEC)
                family = AF_INET;
        if (ip_address_size(family) == 0)
                return not_found(reply, EAFNOSUPPORT, NO_DATA);
        r = host_find(name, &p);
        return r < 0 ? not_found(reply, -r, HOST_NOT_FOUND) : fill(&p, family, ret, reply);
}

enum nss_status _nss_stead_gethostbyname4_r(const char *name, struct gaih_addrtuple **ret,
                                            char *buffer, size_t size, int *error, int *host_error,
                                            int32_t *ttl)
{
        Reply reply = { buffer, size, 0, error, host_error };
        _cleanup_published_ Published p = PUBLISHED_NULL;
        struct gaih_addrtuple *tuples;
        char *own;
        int r = host_find(name, &p);

        if (r < 0)
                return not_found(&reply, -r, HOST_NOT_FOUND);
        own = take_name(&reply, p.machine);
        tuples = take(&reply, p.n_addresses * sizeof(*tuples));
        if (!own || !tuples)
                return too_small(&reply);
        for (size_t i = 0; i < p.n_addresses; i++) {
                struct gaih_addrtuple *t = &tuples[i];

                t->next = i + 1 < p.n_addresses ? t + 1 : NULL;
                t->name = own;
                t->family = p.addresses[i].family;
                memcpy(t->addr, p.addresses[i].bytes, ip_address_size(t->family));
        }
        /* glibc hands over the first one's memory, nscd a place for the pointer */
        if (*ret)
                **ret = tuples[0];
        else
                *ret = tuples;
        if (ttl)
                *ttl = 0;
        return found(&reply);
}

enum nss_status _nss_stead_gethostbyname3_r(const char *name, int family, struct hostent *ret,
                                            char *buffer, size_t size, int *error, int *host_error,
                                            int32_t *ttl, char **canonical)
{
        Reply reply = { buffer, size, 0, error, host_error };
        enum nss_status status = by_name(name, family, ret, &reply);

        if (ttl)
                *ttl = 0;
        if (status == NSS_STATUS_SUCCESS && canonical)
                *canonical = ret->h_name;
        return status;
}

enum nss_status _nss_stead_gethostbyname2_r(const char *name, int family, struct hostent *ret,
                                            char *buffer, size_t size, int *error, int *host_error)
{
        Reply reply = { buffer, size, 0, error, host_error };

        return by_name(name, family, ret, &reply);
}

enum nss_status _nss_stead_gethostbyname_r(const char *name, struct hostent *ret, char *buffer,
                                           size_t size, int *error, int *host_error)
{
        Reply reply = { buffer, size, 0, error, host_error };

        return by_name(name, AF_UNSPEC, ret, &reply);
}

enum nss_status _nss_stead_gethostbyaddr2_r(const void *address, socklen_t length, int family,
                                            struct hostent *ret, char *buffer, size_t size,
                                            int *error, int *host_error, int32_t *ttl)
{
        Reply reply = { buffer, size, 0, error, host_error };
        _cleanup_published_ Published p = PUBLISHED_NULL;
        IpAddress wanted = { .family = family };
        int r;

        if (length == 0 || ip_address_size(family) != length)
                return not_found(&reply, EAFNOSUPPORT, NO_DATA);
        memcpy(wanted.bytes, address, length);
        r = host_find_address(&wanted, &p);
        if (r < 0)
                return not_found(&reply, -r, HOST_NOT_FOUND);
        if (ttl)
                *ttl = 0;
        return fill(&p, family, ret, &reply);
}

enum nss_status _nss_stead_gethostbyaddr_r(const void *address, socklen_t length, int family,
                                           struct hostent *ret, char *buffer, size_t size,
                                           int *error, int *host_error)
{
        return _nss_stead_gethostbyaddr2_r(address, length, family, ret, buffer, size, error,
                                           host_error, NULL);
}
