/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the link to the table. A fact that was not gathered is taken for a good one. */

#include "network/check.h"

#include "base/strv.h"
#include "network/dns-message.h"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <string.h>

DEFINE_STRING_TABLE(check_step, CheckStep, [CHECK_LINK] = "link", [CHECK_ADDRESS] = "address",
                    [CHECK_ROUTE] = "route", [CHECK_FORWARDING] = "forwarding", [CHECK_NAT] = "nat",
                    [CHECK_FIREWALL] = "firewall", [CHECK_DNS] = "dns", [CHECK_PORT] = "port")

void check_facts_done(CheckFacts *f)
{
        for (size_t i = 0; i < f->n_settings; i++)
                free(f->settings[i].culprit);
        for (size_t i = 0; i < f->n_drops; i++)
                free(f->drops[i].rule);
        json_decref(f->ruleset);
        json_decref(f->legacy);
        free(f->addresses);
        free(f->settings);
        free(f->drops);
        free(f->probes);
        f->notes = strv_free(f->notes);
        *f = CHECK_FACTS_NULL;
}

void check_problem_done(CheckProblem *p)
{
        free(p->text);
        free(p->remedy);
        *p = CHECK_PROBLEM_NULL;
}

int check_problem_set(CheckProblem *p, CheckStep step, const char *text, ...)
{
        va_list ap;
        int r;

        va_start(ap, text);
        r = vasprintf(&p->text, text, ap);
        va_end(ap);
        p->step = step;
        if (r < 0)
                p->text = NULL;
        return r < 0 ? -ENOMEM : 1;
}

/* 1, so that a finding ends with it. */
int check_problem_remedy(CheckProblem *p, const char *remedy, ...)
{
        va_list ap;
        int r;

        va_start(ap, remedy);
        r = vasprintf(&p->remedy, remedy, ap);
        va_end(ap);
        if (r < 0)
                p->remedy = NULL;
        return r < 0 || !p->text ? -ENOMEM : 1;
}

/* Machines of a pod are in the network that they were started in. */
int check_problem_restart(CheckProblem *p, const CheckFacts *f)
{
        return f->pod ? check_problem_remedy(p,
                                             "stead pod stop --force %s; stead pod start %s; and "
                                             "restart its machines",
                                             f->name, f->name)
                      : check_problem_remedy(p, "stead restart %s", f->name);
}

int check_problem_inside(CheckProblem *p, const CheckFacts *f, const char *command, ...)
{
        _cleanup_free_ char *text = NULL;
        va_list ap;
        int r;

        va_start(ap, command);
        r = vasprintf(&text, command, ap);
        va_end(ap);
        if (r < 0) {
                text = NULL;
                return -ENOMEM;
        }
        return check_problem_remedy(p, "stead exec %s%s -- %s", f->pod ? "pod:" : "", f->name,
                                    text);
}

static const char *ip_text(const IpAddress *a, char buffer[static INET6_ADDRSTRLEN])
{
        return inet_ntop(a->family, a->bytes, buffer, INET6_ADDRSTRLEN) ?: "?";
}

/* "-6 " for ip(8). */
static const char *ip_flag(const IpAddress *a)
{
        return a->family == AF_INET6 ? "-6 " : "";
}

static int find_link(const CheckFacts *f, CheckProblem *p)
{
        const CheckLink *links[] = { &f->host, &f->bridge };

        for (size_t i = 0; i < ELEMENTSOF(links); i++) {
                if (!links[i]->name[0] || (links[i]->there && links[i]->up))
                        continue;
                (void)check_problem_set(p, CHECK_LINK, "the host's link %s is %s", links[i]->name,
                                        links[i]->there ? "down" : "not there");
                return links[i]->there
                               ? check_problem_remedy(p, "ip link set %s up", links[i]->name)
                               : check_problem_restart(p, f);
        }
        if (f->inside.name[0] && !f->inside.there) {
                (void)check_problem_set(p, CHECK_LINK, "there is no %s inside", f->inside.name);
                return check_problem_restart(p, f);
        }
        if (f->inside.name[0] && !f->inside.up) {
                (void)check_problem_set(p, CHECK_LINK, "%s is down inside", f->inside.name);
                return check_problem_inside(p, f, "ip link set %s up", f->inside.name);
        }
        if (f->host.name[0] && !f->host.carrier) {
                (void)check_problem_set(p, CHECK_LINK, "%s has no carrier though both ends are up",
                                        f->host.name);
                return check_problem_restart(p, f);
        }
        return 0;
}

static int find_address(const CheckFacts *f, CheckProblem *p)
{
        char text[INET6_ADDRSTRLEN];

        for (size_t i = 0; i < f->n_addresses; i++) {
                const CheckAddress *a = &f->addresses[i];

                if (a->inside)
                        continue;
                (void)check_problem_set(p, CHECK_ADDRESS, "%s has no address %s inside",
                                        f->inside.name, ip_text(&a->address, text));
                return check_problem_inside(p, f, "ip addr add %s/%u dev %s", text,
                                            a->address.family == AF_INET ? 32U : 128U,
                                            f->inside.name);
        }
        if (f->inside.name[0] && f->n_addresses == 0 && !f->any_address) {
                (void)check_problem_set(
                        p, CHECK_ADDRESS, "%s has no address inside: nobody on %s gave one",
                        f->inside.name, f->host.name[0] ? f->host.name : "its link");
                return f->host.name[0]
                               ? check_problem_remedy(p, "networkctl status %s", f->host.name)
                               : check_problem_inside(p, f, "ip addr");
        }
        return 0;
}

/* A route or a rule that is somebody else's, or none at all. */
static int find_way_in(const CheckFacts *f, const CheckAddress *a, CheckProblem *p)
{
        const char *link = f->bridge.name[0] ? f->bridge.name : f->host.name;
        char text[INET6_ADDRSTRLEN];
        bool main_table = a->to.table == RT_TABLE_MAIN || a->to.table == RT_TABLE_UNSPEC;

        if (!a->to.asked || (a->to.error == 0 && strcmp(a->to.link, link) == 0))
                return 0;
        (void)ip_text(&a->address, text);
        if (a->to.error > 0)
                (void)check_problem_set(p, CHECK_ROUTE, "the host has no route to %s", text);
        else if (main_table)
                (void)check_problem_set(p, CHECK_ROUTE,
                                        "the host's route to %s leads to %s, not to %s", text,
                                        a->to.link, link);
        else
                (void)check_problem_set(
                        p, CHECK_ROUTE,
                        "a rule of the host sends %s by table %u to %s, not to %s (see `ip rule`)",
                        text, a->to.table, a->to.link, link);
        if (a->to.error > 0 || main_table)
                return check_problem_remedy(p, "ip %sroute replace %s dev %s", ip_flag(&a->address),
                                            text, link);
        return check_problem_remedy(p, "ip %srule add to %s lookup main priority 1",
                                    ip_flag(&a->address), text);
}

static int find_route(const CheckFacts *f, CheckProblem *p)
{
        char text[INET6_ADDRSTRLEN];
        int r = 0;

        for (size_t i = 0; i < f->n_addresses && r == 0; i++) {
                const CheckAddress *a = &f->addresses[i];

                r = find_way_in(f, a, p);
                if (r != 0 || !a->out.asked)
                        continue;
                (void)ip_text(&a->address, text);
                if (a->out.error > 0) {
                        (void)check_problem_set(p, CHECK_ROUTE,
                                                "the machine has no default route for IPv%d",
                                                a->address.family == AF_INET ? 4 : 6);
                        return check_problem_restart(p, f);
                }
                if (strcmp(a->out.link, f->inside.name) == 0 &&
                    a->out.gateway.family != AF_UNSPEC && !a->gateway_here && f->routed) {
                        (void)check_problem_set(p, CHECK_ROUTE,
                                                "the host's end has not the machine's gateway %s",
                                                ip_text(&a->out.gateway, text));
                        return check_problem_remedy(p, "ip addr add %s/%u dev %s", text,
                                                    a->out.gateway.family == AF_INET ? 32U : 128U,
                                                    f->bridge.name[0] ? f->bridge.name
                                                                      : f->host.name);
                }
        }
        return r;
}

static int find_forwarding(const CheckFacts *f, CheckProblem *p)
{
        const CheckSetting *s = f->settings;

        if (f->n_settings == 0)
                return 0;
        (void)check_problem_set(p, CHECK_FORWARDING, "the host does not forward: %s is %s%s%s%s",
                                s->name, s->value, s->culprit ? ", as " : "", s->culprit ?: "",
                                s->culprit ? " has it" : "");
        /* with '/', names of links may hold dots */
        return check_problem_remedy(p, "sysctl -w net/%s=1", s->name);
}

static int find_table(const CheckFacts *f, CheckProblem *p)
{
        if (f->table != 0)
                return 0;
        (void)check_problem_set(p, CHECK_NAT,
                                "the table 'inet stead' is gone or not whole%s: no masquerade, no "
                                "ports",
                                f->launcher_stopped ? ", and the launcher that puts it back is "
                                                      "stopped"
                                                    : "");
        return f->launcher_stopped
                       ? check_problem_remedy(p, "kill -CONT %d", (int)f->launcher)
                       : check_problem_remedy(p, STEAD_LIBEXECDIR "/stead-firewall restore");
}

static int find_dns(const CheckFacts *f, CheckProblem *p)
{
        if (!f->dns_asked)
                return 0;
        if (f->dns_own != DNS_NOERROR) {
                (void)check_problem_set(p, CHECK_DNS, "the name server at the machine's gateway %s",
                                        f->dns_own < 0 ? "does not answer"
                                                       : "does not know the machine's own name");
                if (f->launcher_stopped)
                        return check_problem_remedy(p, "kill -CONT %d", (int)f->launcher);
                return check_problem_remedy(p, "ss -lunp 'sport = 53'");
        }
        /* what a server refuses or does not know it has at least been asked */
        if (f->dns_outside < 0 || f->dns_outside == DNS_SERVFAIL) {
                (void)check_problem_set(p, CHECK_DNS,
                                        "no name server of the host (/etc/resolv.conf) answers");
                return check_problem_remedy(p, "cat /etc/resolv.conf");
        }
        return 0;
}

int check_find(const CheckFacts *f, CheckProblem *ret)
{
        static int (*const finders[])(const CheckFacts *, CheckProblem *) = {
                find_link,  find_address,    find_route, find_forwarding,
                find_table, check_find_drop, find_dns,   check_find_port,
        };
        _cleanup_check_problem_ CheckProblem p = CHECK_PROBLEM_NULL;
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(finders) && r == 0; i++)
                r = finders[i](f, &p);
        if (r > 0) {
                *ret = p;
                p = CHECK_PROBLEM_NULL;
        }
        return r;
}
