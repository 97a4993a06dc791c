/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What one machine publishes, as the file /run/stead/network/NAME has it: its link, its addresses
 * and its ports. The launcher writes it; the host's nftables table is a function of all these files
 * and of nothing else. Must not know nftables. */

#include "base/error.h"
#include "os/address.h"

#include <stdbool.h>
#include <stdint.h>

#define PUBLISHED_DIRECTORY "/run/stead/network"
/* Held (os/lock.h) by whoever changes the table. */
#define PUBLISHED_LOCK PUBLISHED_DIRECTORY "/.lock"

/* Ports first..last of the host's address lead to as many ports of the machine. */
typedef struct PublishedPort {
        int protocol;   /* IPPROTO_TCP or IPPROTO_UDP */
        IpAddress host; /* 0.0.0.0 and :: are every address of that family, AF_UNSPEC of both */
        uint16_t first, last;
        uint16_t machine_first;
} PublishedPort;

typedef struct Published {
        char *machine;
        char *interface; /* the host's end of its link, or its bridge */
        bool masquerade; /* its packets leave the host with an address of the host's */
        bool replaces;   /* the table may still hold what an earlier run of it published */
        IpAddress *addresses;
        size_t n_addresses;
        PublishedPort *ports;
        size_t n_ports;
} Published;

#define PUBLISHED_NULL ((Published){ .masquerade = true })
#define _cleanup_published_ _cleanup_(published_done)

void published_done(Published *p);

/* "1.2.3.4", "::1"; "*" is AF_UNSPEC. -EINVAL for all else. */
int published_address_parse(const char *text, IpAddress *ret);
const char *published_address_to_string(const IpAddress *a, char buffer[static INET6_ADDRSTRLEN]);
/* Whether it stands for every address of its family, or of both. */
bool published_address_is_any(const IpAddress *a);

/* Whether the name of a link can stand in nft's syntax as it is. */
bool published_interface_is_valid(const char *name);
int published_set_interface(Published *p, const char *name);
int published_add_address(Published *p, const IpAddress *a);
int published_add_port(Published *p, const PublishedPort *port);

/* A file's text; strict, since the text may come from a broken disk or a clumsy hand: -EBADMSG with
 * the line at fault. Nothing that passes can break out of the ruleset's syntax. */
int published_parse(const char *machine, const char *text, Published *ret, Error *error);
/* The text that published_parse() reads as the same. NULL on out of memory. */
char *published_format(const Published *p);

/* Opens PUBLISHED_DIRECTORY, makes it if need be. */
int published_open_directory(Error *error);
/* Writes beside and renames. Where a file of the name is there already (its launcher was killed),
 * the new one says so in `replaces`. */
int published_write(int dirfd, const Published *p, Error *error);
/* -ENOENT: the machine publishes nothing. */
int published_read(int dirfd, const char *machine, Published *ret, Error *error);
/* The same of a name that somebody asks for: names of hosts have no case (RFC 4343). Where two
 * machines differ in it alone, each has its own spelling. */
int published_find(int dirfd, const char *name, Published *ret);
bool published_has_address(const Published *p, const IpAddress *address);
/* Whoever has the address, and whose link is there. -ENOENT: nobody. */
int published_find_address(int dirfd, const IpAddress *address, Published *ret);
/* Missing is fine. */
int published_remove(int dirfd, const char *machine);
/* Whether somebody publishes anything; also where that cannot be told. */
bool published_any(int dirfd);

/* Whether the two would be answered for the same packets: same protocol, a port and an address in
 * common. */
bool published_port_overlaps(const PublishedPort *a, const PublishedPort *b);
