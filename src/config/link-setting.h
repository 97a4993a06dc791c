/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Names of network interfaces, pairs of them (outside and inside), and hardware addresses. The
 * rules for names are systemd's, so that every name taken here is one that networkd takes. */

#include "base/buffer.h"
#include "base/error.h"
#include "os/link.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* HOST[:INSIDE] */
typedef struct LinkPair {
        char *host;
        char *inside; /* NULL: not given; what that means depends on the kind of link */
} LinkPair;

typedef struct LinkPairs {
        LinkPair *items; /* in the order given */
        size_t n;
} LinkPairs;

void link_pairs_done(LinkPairs *p);
/* Adds all of @text, pairs with blanks between. The message is the reason only; on failure those
 * before the bad one have been added. */
int link_pairs_parse(const char *text, LinkPairs *p, Error *error);
/* Appends one pair a line. */
void link_pairs_format(const LinkPairs *p, Buffer *out);

/* -EINVAL with the rules, if it is not the name of an interface. */
int link_name_check(const char *name, Error *error);
/* The same for a zone, whose bridge is called vz-NAME. */
int link_zone_check(const char *name, Error *error);

/* All 0: none was given. */
bool mac_address_is_null(const MacAddress *mac);
/* Six hexadecimal bytes with ':' or '-' between, of one host (not of a group, not all 0). */
int mac_address_parse(const char *text, MacAddress *ret, Error *error);
/* Appends "02:00:5e:00:53:01", nothing for the null address. */
void mac_address_format(const MacAddress *mac, Buffer *out);
