/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Finds out the facts for check.h, from the host's network namespace, in the order of the steps,
 * and no further than to the first problem: what comes after it would only be its consequence.
 *
 * Nothing is changed, and packets go between the host and the machine only, but for a question to
 * the host's own name servers. The calling thread is in the machine's network namespace for a
 * moment. */

#include "base/error.h"
#include "network/check.h"

typedef struct CheckSubject {
        const char *name;
        bool pod;
        pid_t leader;  /* a process in the network; 0: there is none, as in a pod without members */
        int leader_fd; /* of it, or of the network namespace */
        pid_t launcher; /* 0: none */
} CheckSubject;

typedef enum CheckDepth {
        CHECK_QUICK, /* links, addresses, routes, table: nothing that waits or grows with the host
                      */
        CHECK_FULL,
} CheckDepth;

/* 1 and the first problem, or 0; the facts of as far as it got, too. */
int check_gather(const CheckSubject *s, CheckDepth depth, CheckFacts *ret_facts,
                 CheckProblem *ret_problem, Error *error);

/* Parts, for check*.c only. */

typedef struct CheckSockets {
        int host, machine; /* netlink */
        int udp4, udp6;    /* in the machine's network */
} CheckSockets;

/* The way to @to in the namespace of the socket. */
void check_route_ask(int fd, const IpAddress *to, CheckRoute *ret);
/* What @argv prints. The caller frees it; -ENOENT: there is no such program. */
int check_read_program(char *const *argv, char **ret);
/* What the rules of the host drop of the machine's packets, as facts and notes. */
int check_read_ruleset(CheckFacts *f, const Published *p);
/* The file that sets @name (as sysctl.h has it) to "0" at boot, or NULL. */
char *check_read_culprit(const char *name);
int check_read_settings(CheckFacts *f, const Published *p);
int check_probe_dns(CheckFacts *f, const CheckSockets *sockets);
int check_probe_ports(CheckFacts *f, const Published *p, pid_t leader);
/* Who listens on @port, by the text of /proc/PID/net/{tcp,udp} and of the same of IPv6. */
CheckListener check_probe_listener(const char *v4, const char *v6, int protocol,
                                   const IpAddress *address, uint16_t port);
