/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the host's nftables rules do to one packet, read and not tried: the base chains of its hook
 * are walked as the kernel would walk them. A match that cannot be judged from outside (a mark, an
 * extension of iptables) is neither true nor false; what hangs on it is possible, not certain. */

#include "os/address.h"

#include <jansson.h>
#include <net/if.h>
#include <stdbool.h>

typedef struct CheckPacket {
        const char *hook; /* "forward", "input", "output" */
        const char *what; /* for people: "packets of 'web' to the outside" */
        int family;
        char in[IFNAMSIZ], out[IFNAMSIZ]; /* "": there is none at this hook */
        IpAddress source, destination;    /* AF_UNSPEC: any */
        int protocol;
        uint16_t port;    /* of the destination; 0: any */
        bool established; /* an answer; otherwise the first packet */
        bool dnat;        /* it was sent to a published port */
} CheckPacket;

typedef struct CheckDrop {
        bool certain;
        bool rejects;       /* tells the sender */
        bool legacy;        /* a rule of iptables-legacy */
        const char *family; /* "inet", "ip" ...; into the ruleset, as are table and chain */
        const char *table, *chain;
        int64_t handle; /* of the rule; 0: the chain's policy */
        char *rule;     /* its text, if somebody has looked it up */
        const char *what;
} CheckDrop;

#define CHECK_DROP_NULL ((CheckDrop){})

/* @ruleset: what `nft -j list ruleset` prints. 1 and the drop, a certain one first; 0: the packet
 * passes. Tables named "stead" are left out. */
int check_ruleset_walk(const json_t *ruleset, const CheckPacket *packet, CheckDrop *ret);
