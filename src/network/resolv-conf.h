/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The name servers of the host: resolv.conf(5), as libc reads it, and again when it has changed.
 * Search list and options are those of programs, not of servers, and are not read. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define RESOLV_CONF_SERVERS 3 /* MAXNS of <resolv.h> */

typedef union SocketAddress {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
} SocketAddress;

/* As bind() and connect() want it. */
socklen_t socket_address_size(const SocketAddress *a);

typedef struct ResolvConf {
        SocketAddress servers[RESOLV_CONF_SERVERS]; /* port 53 */
        size_t n; /* at least 1 after the first resolv_conf_refresh() */
        struct stat seen;
        uint64_t looked_usec;
        bool read;
} ResolvConf;

/* Returns how many servers @text names. Lines and addresses that libc would not take are passed
 * over, as are scopes (fe80::1%eth0) that the host does not have. */
size_t resolv_conf_parse(const char *text, SocketAddress ret[static RESOLV_CONF_SERVERS]);

/* Looks, at most once a second, whether the file @path is another one or has changed, and reads it
 * then. Without file, or without a server in it, the server is 127.0.0.1, as in libc. Returns
 * whether the servers may be others than before. */
bool resolv_conf_refresh(ResolvConf *c, const char *path, uint64_t now_usec);
