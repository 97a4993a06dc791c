/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A change is seen by inode, size and time of writing: resolvconf writes in place, NetworkManager
 * and systemd-resolved rename a new file over it. A scope (fe80::1%eth0) is the number of a link,
 * which may come after the file, or go and come back with another. */

#include "network/resolv-conf.h"

#include "base/fd.h"
#include "base/parse.h"
#include "network/dns-message.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#define FILE_MAX 65536
#define LOOK_USEC USEC_PER_SEC
#define BLANK " \t"

socklen_t socket_address_size(const SocketAddress *a)
{
        return a->any.sa_family == AF_INET ? sizeof(a->v4) : sizeof(a->v6);
}

/* "eth0" or its number. 0 if there is none. */
static uint32_t read_scope(const char *scope)
{
        uint32_t index = if_nametoindex(scope);

        if (index == 0)
                (void)parse_uint32(scope, &index); /* 0 still, if it is no number either */
        return index;
}

static bool read_address(char *text, SocketAddress *ret)
{
        SocketAddress a = {};
        char *scope = strchr(text, '%');

        if (inet_pton(AF_INET, text, &a.v4.sin_addr) == 1) {
                a.v4.sin_family = AF_INET;
                a.v4.sin_port = htons(DNS_PORT);
                *ret = a;
                return true;
        }
        a = (SocketAddress){};
        if (scope)
                *scope++ = '\0';
        if (inet_pton(AF_INET6, text, &a.v6.sin6_addr) != 1)
                return false;
        a.v6.sin6_family = AF_INET6;
        a.v6.sin6_port = htons(DNS_PORT);
        a.v6.sin6_scope_id = scope ? read_scope(scope) : 0;
        if (scope && a.v6.sin6_scope_id == 0)
                return false;
        *ret = a;
        return true;
}

/* The word behind "nameserver" at the very beginning of the line, copied into @word. */
static bool read_line(const char *line, size_t length, char *word, size_t size)
{
        static const char key[] = "nameserver";
        const char *end = line + length;
        size_t n;

        if (length < sizeof(key) || strncmp(line, key, sizeof(key) - 1) != 0)
                return false;
        line += sizeof(key) - 1;
        n = strspn(line, BLANK);
        if (n == 0)
                return false;
        line += n;
        n = line < end ? strcspn(line, BLANK "\r\n;#") : 0;
        if (n == 0 || n >= size)
                return false;
        memcpy(word, line, n);
        word[n] = '\0';
        return true;
}

size_t resolv_conf_parse(const char *text, SocketAddress ret[static RESOLV_CONF_SERVERS])
{
        char word[INET6_ADDRSTRLEN + 1 + IF_NAMESIZE];
        size_t n = 0;

        while (*text != '\0' && n < RESOLV_CONF_SERVERS) {
                size_t length = strcspn(text, "\n");

                if (read_line(text, length, word, sizeof(word)) && read_address(word, &ret[n]))
                        n++;
                text += length;
                text += *text == '\n';
        }
        return n;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
        return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
               a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void use_localhost(ResolvConf *c)
{
        c->servers[0] = (SocketAddress){
                .v4 = { .sin_family = AF_INET,
                        .sin_port = htons(DNS_PORT),
                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) },
        };
        c->n = 1;
}

bool resolv_conf_refresh(ResolvConf *c, const char *path, uint64_t now_usec)
{
        _cleanup_free_ char *text = NULL;
        const ResolvConf before = *c;
        struct stat st = {};

        if (c->read && now_usec < c->looked_usec + LOOK_USEC)
                return false;
        c->looked_usec = now_usec;
        /* before reading: a change in between is seen the next time; without a file it is all 0 */
        if (stat(path, &st) < 0)
                st = (struct stat){};
        if (c->read && is_same(&st, &c->seen))
                return false;
        c->seen = st;
        c->read = true;
        c->n = 0;
        if (S_ISREG(st.st_mode) && read_file_at(AT_FDCWD, path, FILE_MAX, &text) >= 0)
                c->n = resolv_conf_parse(text, c->servers);
        if (!text || strchr(text, '%'))
                c->seen = (struct stat){}; /* tried again when we look again */
        if (c->n == 0)
                use_localhost(c);
        return !before.read || c->n != before.n ||
               memcmp(c->servers, before.servers, c->n * sizeof(c->servers[0])) != 0;
}
