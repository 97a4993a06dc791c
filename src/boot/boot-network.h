/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The network of one machine under its supervisor: what network/ makes, at the right moments of the
 * machine's life, and what the supervisor has to look after meanwhile. */

#include "image/errand.h"
#include "machine/pod-network.h"
#include "network/address-watch.h"
#include "network/dns-relay.h"
#include "network/network.h"
#include "network/table-watch.h"

#include <sys/types.h>

typedef struct Boot Boot;

typedef struct BootNetwork {
        Network network;
        bool acquired;
        bool forwards;    /* the host forwards for our link */
        bool published;   /* /run/stead/network/NAME and its share of the table */
        PodMember member; /* in place of a network of its own */
        bool withdrawn;   /* its share, by us; the table may have been kept for us */
        bool refused;     /* its share of the table was */
        Errand making;    /* links and ports, during a start */
        int linked_fd;    /* pipe: a byte when links are there */
        int directory_fd;
        int table_fd; /* netlink socket to nf_tables that something was deleted by */
        DnsRelay *relay;
        TableWatch watch;
        AddressWatch inside, outside; /* host0 and the host's end, where networkd is asked */
        AddressWatch gateway;         /* the host's end, where we gave it its addresses */
        unsigned gateway_looks;       /* that are still to be taken at it */
        int uplink_fd;                /* new uplinks of the host */
        bool given;                   /* we gave host0 an address in its place: this one */
        LinkAddress gift;
        bool served;            /* names, by our relay */
        bool complained;        /* that it gave the host's end none */
        uint64_t patience_usec; /* until when the machine may get one by itself; 0: not yet */
} BootNetwork;

#define BOOT_NETWORK_NULL                              \
        ((BootNetwork){ .network = NETWORK_NULL,       \
                        .member = POD_MEMBER_NULL,     \
                        .making = ERRAND_NULL,         \
                        .linked_fd = -EBADF,           \
                        .directory_fd = -EBADF,        \
                        .table_fd = -EBADF,            \
                        .watch = TABLE_WATCH_NULL,     \
                        .inside = ADDRESS_WATCH_NULL,  \
                        .outside = ADDRESS_WATCH_NULL, \
                        .gateway = ADDRESS_WATCH_NULL, \
                        .uplink_fd = -EBADF })

/* The network that the machine sees: its own, or that of its pod; NULL: none that we know. */
const Network *boot_network(const Boot *b);

/* Once: chooses addresses, and refuses ports that somebody has. */
int boot_network_acquire(Boot *b, Error *error);
/* For each start, as soon as the first process has its namespaces: begins to make links, addresses
 * and ports, in a process of its own, while the file systems are made. */
int boot_network_begin(Boot *b, Error *error);
/* They are there, and somebody answers names. */
int boot_network_await(Boot *b, Error *error);
/* Before PID 1 runs. A port that did not open is an error. */
int boot_network_finish(Boot *b, Error *error);
void boot_network_end_start(Boot *b);
/* Before the last boot_network_end_start(), which takes as long as the kernel needs to free the
 * ports that this closes: a socket by which something was deleted waits for that. */
void boot_network_withdraw(Boot *b);
void boot_network_release(Boot *b);

/* When the table watch is readable: puts the host's table back if somebody took it away. */
void boot_network_on_table(Boot *b);

/* Parts, for boot-*.c only. */
void boot_network_warn(const Boot *b, const Error *cause);
/* Waits for the end of what boot_network_begin() began, whatever came of it. */
void boot_network_abandon(Boot *b);
/* What the supervisor of a machine or of a pod's member does for its network meanwhile. */
void boot_network_serve(Boot *b);
/* Whoever has port 53 of all addresses of the host answers in our place. */
void boot_network_answer_names(Boot *b);
