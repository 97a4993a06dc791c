/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The network of one machine under its supervisor: what network/ makes, at the right moments of the
 * machine's life, and what the supervisor has to look after meanwhile. */

#include "machine/pod-network.h"
#include "network/address-watch.h"
#include "network/dns-relay.h"
#include "network/forwarding-record.h"
#include "network/network.h"
#include "network/table-watch.h"

#include <sys/types.h>

typedef struct Boot Boot;

typedef struct BootNetwork {
        Network network;
        bool acquired;
        bool forwards;            /* the host forwards for our link */
        ForwardingRecord uplinks; /* to forward as soon as they are guarded */
        bool published;           /* /run/stead/network/NAME and its share of the table */
        PodMember member;         /* in place of a network of its own */
        pid_t firewall;           /* stead-firewall while it runs, or 0 */
        int directory_fd;
        int table_fd; /* netlink socket to nf_tables */
        DnsRelay *relay;
        TableWatch watch;
        AddressWatch inside, outside; /* host0 and the host's end, where networkd is asked */
        AddressWatch gateway;         /* the host's end, where we gave it its addresses */
        unsigned gateway_looks;       /* that are still to be taken at it */
        bool given;                   /* we gave host0 an address in its place: this one */
        LinkAddress gift;
        bool served;            /* names, by our relay */
        bool complained;        /* that it gave the host's end none */
        uint64_t patience_usec; /* until when the machine may get one by itself; 0: not yet */
} BootNetwork;

#define BOOT_NETWORK_NULL                              \
        ((BootNetwork){ .network = NETWORK_NULL,       \
                        .member = POD_MEMBER_NULL,     \
                        .directory_fd = -EBADF,        \
                        .table_fd = -EBADF,            \
                        .watch = TABLE_WATCH_NULL,     \
                        .inside = ADDRESS_WATCH_NULL,  \
                        .outside = ADDRESS_WATCH_NULL, \
                        .gateway = ADDRESS_WATCH_NULL })

/* The network that the machine sees: its own, or that of its pod; NULL: none that we know. */
const Network *boot_network(const Boot *b);

/* Once: chooses addresses, and refuses ports that somebody has. */
int boot_network_acquire(Boot *b, Error *error);
/* For each start, while the first process waits: links and addresses, begins to open its ports.
 * Takes @route_fd, a netlink socket of the machine's namespace. */
int boot_network_start(Boot *b, int route_fd, Error *error);
/* Before PID 1 runs: what had begun is there. */
int boot_network_finish(Boot *b, Error *error);
void boot_network_end_start(Boot *b);
void boot_network_release(Boot *b);

/* When the table watch is readable: puts the host's table back if somebody took it away. */
void boot_network_on_table(Boot *b);

/* Parts, for boot-*.c only. */
void boot_network_warn(const Boot *b, const Error *cause);
/* Whoever has port 53 of all addresses of the host answers in our place. */
void boot_network_answer_names(Boot *b);
