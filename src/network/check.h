/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is wrong with a machine's network: the facts about it, gathered elsewhere (check-gather.h),
 * and the first of them that is not as it must be. Nothing here asks the kernel, so that every
 * verdict has a test that is a table. */

#include "base/string-table.h"
#include "network/check-ruleset.h"
#include "network/published.h"
#include "network/sysctl.h"

#include <sys/types.h>

/* In the order in which a packet meets them. */
typedef enum CheckStep {
        CHECK_LINK,
        CHECK_ADDRESS,
        CHECK_ROUTE,
        CHECK_FORWARDING,
        CHECK_NAT,
        CHECK_FIREWALL,
        CHECK_DNS,
        CHECK_PORT,
        _CHECK_STEP_MAX,
        _CHECK_STEP_INVALID = -EINVAL,
} CheckStep;
DECLARE_STRING_TABLE(check_step, CheckStep);

typedef struct CheckLink {
        char name[IFNAMSIZ]; /* "": there should be none */
        bool there, up, carrier;
} CheckLink;

/* The kernel's answer to "which way". */
typedef struct CheckRoute {
        bool asked;
        int error; /* positive errno: no way */
        char link[IFNAMSIZ];
        uint32_t table;
        IpAddress gateway, source;
} CheckRoute;

typedef struct CheckAddress {
        IpAddress address;
        bool inside;       /* a link of the machine has it */
        CheckRoute to;     /* from the host to it */
        CheckRoute out;    /* from the machine to the outside */
        CheckRoute uplink; /* from the host to the outside */
        bool gateway_here; /* the machine's gateway is an address of the host's end */
} CheckAddress;

/* A setting that should be 1 and is not. */
typedef struct CheckSetting {
        char name[SYSCTL_NAME_MAX];
        char value[32];
        char *culprit; /* "/etc/sysctl.d/99-hard.conf" that sets it, or NULL */
} CheckSetting;

typedef enum CheckListener {
        CHECK_LISTENER_UNKNOWN,
        CHECK_LISTENER_NONE,
        CHECK_LISTENER_LOOPBACK,  /* on 127.0.0.1 or ::1 of the machine only */
        CHECK_LISTENER_ELSEWHERE, /* on another address, or of the other family */
        CHECK_LISTENER_THERE,
} CheckListener;

/* One way to one published port. */
typedef struct CheckProbe {
        IpAddress target;
        int protocol;
        uint16_t host, machine;
        CheckListener listener;
        bool asked;
        int error; /* positive errno of connect(), 0: it answered */
} CheckProbe;

typedef struct CheckFacts {
        const char *name;
        bool pod;
        pid_t launcher;
        bool launcher_stopped; /* by a signal or a debugger */
        bool routed;           /* the host's own end has addresses, a table, a name server */
        bool shared;           /* it uses the host's network */
        CheckLink host, bridge, inside;
        bool bridge_filtered; /* br_netfilter shows what passes a bridge to rules of IPv6 */
        CheckAddress *addresses;
        size_t n_addresses;
        bool any_address; /* of more than link scope, whoever gave it */
        CheckSetting *settings;
        size_t n_settings;
        int table;                /* as table_is_sound(), and 1 before it was asked */
        json_t *ruleset, *legacy; /* what drops point into; @legacy: by family */
        CheckDrop *drops;
        size_t n_drops;
        bool dns_asked;
        int dns_own, dns_outside; /* 0, a DnsRcode, or negative errno */
        CheckProbe *probes;
        size_t n_probes;
        char **notes; /* what is no fault by itself */
} CheckFacts;

#define CHECK_FACTS_NULL ((CheckFacts){ .table = 1 })
#define _cleanup_check_facts_ _cleanup_(check_facts_done)
void check_facts_done(CheckFacts *f);

typedef struct CheckProblem {
        CheckStep step;
        char *text;
        char *remedy; /* what to type */
        bool read;    /* concluded from rules that were read; else it was tried, or is a fact */
} CheckProblem;

#define CHECK_PROBLEM_NULL ((CheckProblem){ .step = _CHECK_STEP_INVALID })
#define _cleanup_check_problem_ _cleanup_(check_problem_done)
void check_problem_done(CheckProblem *p);

/* 1 and the first problem, 0: none among the facts that are there. -ENOMEM. */
int check_find(const CheckFacts *f, CheckProblem *ret);

/* Parts, for check*.c only. */
int check_problem_set(CheckProblem *p, CheckStep step, const char *text, ...) _printf_(3, 4);
int check_problem_remedy(CheckProblem *p, const char *remedy, ...) _printf_(2, 3);
/* The network made anew. */
int check_problem_restart(CheckProblem *p, const CheckFacts *f);
/* A command in the network. */
int check_problem_inside(CheckProblem *p, const CheckFacts *f, const char *command, ...)
        _printf_(3, 4);
int check_find_drop(const CheckFacts *f, CheckProblem *ret);
int check_find_port(const CheckFacts *f, CheckProblem *ret);
