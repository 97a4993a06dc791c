/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules that drop, and ports that do not answer: what to say of them, and what to type. */

#include "network/check.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <string.h>

/* The link by which rules know the machine. */
static const char *link_of(const CheckFacts *f)
{
        return f->bridge.name[0] ? f->bridge.name : f->host.name;
}

/* Each firewall is told in its own words, since a rule beside them goes with their next reload. */
static int drop_remedy(const CheckFacts *f, const CheckDrop *d, CheckProblem *p)
{
        bool six = strcmp(d->family, "ip6") == 0;
        bool iptables = (six || strcmp(d->family, "ip") == 0) && strcmp(d->table, "filter") == 0;
        const char *tool = d->legacy ? six ? "ip6tables-legacy" : "iptables-legacy"
                           : six     ? "ip6tables"
                                     : "iptables";
        const char *link = link_of(f);
        /* from any of its chains, before it is jumped to */
        bool forward = d->legacy || strcmp(d->chain, "FORWARD") == 0;

        if (strcmp(d->table, "firewalld") == 0)
                return check_problem_remedy(
                        p,
                        "firewall-cmd --permanent --zone=trusted --add-interface=%s && "
                        "firewall-cmd --reload",
                        link);
        if (iptables && strncmp(d->chain, "ufw", 3) == 0)
                return check_problem_remedy(
                        p, "ufw route allow in on %s && ufw route allow out on %s", link, link);
        if (iptables && forward)
                return check_problem_remedy(
                        p, "%s -I FORWARD -i %s -j ACCEPT; %s -I FORWARD -o %s -j ACCEPT", tool,
                        link, tool, link);
        if (d->handle > 0)
                return check_problem_remedy(p,
                                            "nft 'insert rule %s %s %s iifname \"%s\" accept; "
                                            "insert rule %s %s %s oifname \"%s\" accept'",
                                            d->family, d->table, d->chain, link, d->family,
                                            d->table, d->chain, link);
        return check_problem_remedy(p,
                                    "nft 'add rule %s %s %s iifname \"%s\" accept; "
                                    "add rule %s %s %s oifname \"%s\" accept'",
                                    d->family, d->table, d->chain, link, d->family, d->table,
                                    d->chain, link);
}

int check_find_drop(const CheckFacts *f, CheckProblem *p)
{
        for (size_t i = 0; i < f->n_drops; i++) {
                const CheckDrop *d = &f->drops[i];

                if (!d->certain)
                        continue;
                p->read = true;
                if (d->handle == 0)
                        (void)check_problem_set(
                                p, CHECK_FIREWALL,
                                "chain '%s' of table '%s %s' drops %s by its policy", d->chain,
                                d->family, d->table, d->what);
                else
                        (void)check_problem_set(
                                p, CHECK_FIREWALL,
                                "chain '%s' of table '%s %s' %s %s: %s%s# %s %lld", d->chain,
                                d->family, d->table, d->rejects ? "rejects" : "drops", d->what,
                                d->rule ?: "", d->rule ? " " : "", d->legacy ? "line" : "handle",
                                (long long)d->handle);
                return drop_remedy(f, d, p);
        }
        return 0;
}

static int no_listener(const CheckFacts *f, const CheckProbe *q, const char *protocol,
                       CheckProblem *p)
{
        const char *flags = q->protocol == IPPROTO_UDP ? "-lun" : "-ltn";

        if (q->listener == CHECK_LISTENER_NONE)
                (void)check_problem_set(p, CHECK_PORT,
                                        "port %u/%s: nothing listens inside on port %u", q->host,
                                        protocol, q->machine);
        else if (q->listener == CHECK_LISTENER_LOOPBACK)
                (void)check_problem_set(p, CHECK_PORT,
                                        "port %u/%s: what listens inside on port %u does so on the "
                                        "machine's loopback address only",
                                        q->host, protocol, q->machine);
        else
                (void)check_problem_set(
                        p, CHECK_PORT, "port %u/%s: nothing listens inside on port %u for IPv%d",
                        q->host, protocol, q->machine, q->target.family == AF_INET ? 4 : 6);
        return check_problem_inside(p, f, "ss %s", flags);
}

int check_find_port(const CheckFacts *f, CheckProblem *p)
{
        char address[INET6_ADDRSTRLEN];

        for (size_t i = 0; i < f->n_probes; i++) {
                const CheckProbe *q = &f->probes[i];
                const char *protocol = q->protocol == IPPROTO_UDP ? "udp" : "tcp";
                bool six = q->target.family == AF_INET6;

                if (q->asked && q->error == 0)
                        continue;
                if (q->listener != CHECK_LISTENER_UNKNOWN && q->listener != CHECK_LISTENER_THERE)
                        return no_listener(f, q, protocol, p);
                if (!q->asked)
                        continue;
                /* its address is put back on the bridge already, and ::1 is taken from no wire */
                if (f->bridge_filtered && six && IN6_IS_ADDR_LOOPBACK(&q->target.v6)) {
                        (void)check_problem_set(p, CHECK_PORT,
                                                "port %u/%s: no answer by way of [::1], since "
                                                "br_netfilter filters bridges",
                                                q->host, protocol);
                        return check_problem_remedy(
                                p, "sysctl -w net.bridge.bridge-nf-call-ip6tables=0");
                }
                (void)inet_ntop(q->target.family, q->target.bytes, address, sizeof(address));
                (void)check_problem_set(p, CHECK_PORT,
                                        "port %u/%s: no answer by way of %s%s%s (%s), though %u is "
                                        "listened on inside: a rule drops it, maybe inside",
                                        q->host, protocol, six ? "[" : "", address, six ? "]" : "",
                                        strerror(q->error), q->machine);
                return check_problem_inside(p, f, "nft list ruleset");
        }
        return 0;
}
