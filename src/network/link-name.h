/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the host's ends of a machine's links are called: the names that the network files shipped
 * with systemd match. */

#include "os/link.h"

#define LINK_PREFIX_VETH "ve-"    /* and the machine's name */
#define LINK_PREFIX_BRIDGED "vb-" /* the same when it is a port of a bridge */
#define LINK_PREFIX_ZONE "vz-"    /* and the name of the zone: its bridge */
#define LINK_PREFIX_DETOUR "ifb-" /* and the machine's name, see bandwidth.c */
#define LINK_PREFIX_MACVLAN "mv-" /* and the name of the parent, inside of the machine */
#define LINK_PREFIX_IPVLAN "iv-"

typedef struct LinkName {
        char name[IFNAMSIZ];
        char altname[LINK_ALTNAME_MAX + 1]; /* the full name if it had to be shortened, else "" */
} LinkName;

/* The name of @prefix and @rest. A full name of more than 15 characters keeps its first 11 and gets
 * 4 of a hash of all, as systemd has it from naming scheme v245 on; two names may so become one,
 * which only the alternative names tell apart (CI-183). Returns 1 if link_add_altname() is needed,
 * 0 if not, -EINVAL if it is no name for a link, -ENAMETOOLONG. */
int link_name_make(const char *prefix, const char *rest, LinkName *ret);
/* Whether the host has an end of @machine's first link, in a bridge or not. NULL: for the answer
 * alone. */
bool link_name_find_end(const char *machine, LinkName *ret);
