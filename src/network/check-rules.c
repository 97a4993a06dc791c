/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The packets that a machine's network is made of, held against the rules of the host. Read, not
 * tried: a packet that has to be forwarded would leave the host. */

#include "network/check-gather.h"
#include "network/check-legacy.h"

#include "base/fd.h"
#include "base/strv.h"
#include "network/dns-message.h"

#include <fcntl.h>
#include <string.h>

#define PORTS_MAX 32

/* The text of a rule, which JSON has not. */
static char *rule_text(const CheckDrop *d)
{
        char *argv[] = { (char *)"nft",     (char *)"-a",     (char *)"list",   (char *)"chain",
                         (char *)d->family, (char *)d->table, (char *)d->chain, NULL };
        _cleanup_free_ char *text = NULL;
        char *save = NULL, handle[48];

        if (d->handle == 0 || check_read_program(argv, &text) < 0)
                return NULL;
        (void)snprintf(handle, sizeof(handle), " # handle %lld", (long long)d->handle);
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                size_t n = strlen(line), size = strlen(handle);

                if (n > size && strcmp(line + n - size, handle) == 0)
                        return strndup(line + strspn(line, " \t"), n - size - strspn(line, " \t"));
        }
        return NULL;
}

/* Of iptables-legacy, where it was kept. */
static char *legacy_text(const json_t *ruleset, const CheckDrop *d)
{
        const json_t *object;
        size_t i;

        json_array_foreach(json_object_get(ruleset, "nftables"), i, object)
        {
                const json_t *rule = json_object_get(object, "rule");
                const char *text = json_string_value(json_object_get(rule, "text"));

                if (text && json_integer_value(json_object_get(rule, "handle")) == d->handle)
                        return strdup(text);
        }
        return NULL;
}

static int add_drop(CheckFacts *f, const CheckDrop *drop, const json_t *legacy)
{
        CheckDrop *grown = reallocarray(f->drops, f->n_drops + 1, sizeof(*grown));

        if (!grown)
                return -ENOMEM;
        f->drops = grown;
        grown[f->n_drops] = *drop;
        grown[f->n_drops].legacy = legacy;
        grown[f->n_drops++].rule = legacy ? legacy_text(legacy, drop) : rule_text(drop);
        return 0;
}

static int walk_ruleset(CheckFacts *f, const json_t *ruleset, bool legacy, const CheckPacket *p)
{
        CheckDrop drop = CHECK_DROP_NULL;

        if (check_ruleset_walk(ruleset, p, &drop) <= 0)
                return 0;
        if (drop.certain)
                return add_drop(f, &drop, legacy ? ruleset : NULL);
        /* every filter of wrong paths (fib) is such a one */
        if (strcmp(p->hook, "prerouting") == 0)
                return 0;
        return strv_pushf(&f->notes,
                          "chain '%s' of table '%s %s' may drop %s: it asks for what cannot be "
                          "judged from outside",
                          drop.chain, drop.family, drop.table, drop.what);
}

static int walk(CheckFacts *f, const CheckPacket *p)
{
        const json_t *legacy = json_object_get(f->legacy, p->family == AF_INET ? "ip" : "ip6");
        int e = walk_ruleset(f, f->ruleset, false, p);

        return e < 0 || !legacy ? e : walk_ruleset(f, legacy, true, p);
}

static const char *link_of(const CheckFacts *f)
{
        return f->bridge.name[0] ? f->bridge.name : f->host.name;
}

/* From the machine to the outside and back. */
static int walk_outside(CheckFacts *f, const CheckAddress *a)
{
        CheckPacket out = { .hook = "forward",
                            .what = "packets of the machine to the outside",
                            .family = a->address.family,
                            .protocol = IPPROTO_TCP,
                            .source = a->address };
        CheckPacket back = { .hook = "forward",
                             .what = "answers from the outside to the machine",
                             .family = a->address.family,
                             .protocol = IPPROTO_TCP,
                             .destination = a->address,
                             .established = true };
        int e;

        memcpy(out.in, link_of(f), strlen(link_of(f)));
        memcpy(back.out, out.in, sizeof(out.in));
        memcpy(out.out, a->uplink.link, sizeof(out.out));
        memcpy(back.in, out.out, sizeof(out.out));
        e = walk(f, &out);
        return e < 0 ? e : walk(f, &back);
}

static int walk_host(CheckFacts *f, const CheckAddress *a)
{
        CheckPacket names = { .hook = "input",
                              .what = "questions of the machine to its name server",
                              .family = a->address.family,
                              .protocol = IPPROTO_UDP,
                              .port = DNS_PORT,
                              .source = a->address,
                              .destination = a->out.gateway };
        CheckPacket out = { .hook = "output",
                            .what = "packets of the host to the machine",
                            .family = a->address.family,
                            .protocol = IPPROTO_TCP,
                            .destination = a->address };
        CheckPacket in;
        int e;

        memcpy(names.in, link_of(f), strlen(link_of(f)));
        memcpy(out.out, names.in, sizeof(names.in));
        in = names;
        in.hook = "prerouting";
        in.what = "packets of the machine";
        in.port = 0;
        in.protocol = IPPROTO_TCP;
        in.destination = (IpAddress){};
        e = walk(f, &in);
        if (e >= 0 && a->gateway_here)
                e = walk(f, &names);
        return e < 0 ? e : walk(f, &out);
}

static int walk_ports(CheckFacts *f, const CheckAddress *a, const Published *p)
{
        int e = 0;

        for (size_t i = 0; i < p->n_ports && i < PORTS_MAX && e >= 0; i++) {
                const PublishedPort *port = &p->ports[i];
                CheckPacket in = { .hook = "forward",
                                   .what = "packets from outside to a published port",
                                   .family = a->address.family,
                                   .protocol = port->protocol,
                                   .port = port->machine_first,
                                   .destination = a->address,
                                   .dnat = true };

                if (port->host.family != AF_UNSPEC && port->host.family != a->address.family)
                        continue;
                memcpy(in.in, a->uplink.link, sizeof(in.in));
                memcpy(in.out, link_of(f), strlen(link_of(f)));
                e = walk(f, &in);
                if (f->n_drops > 0)
                        break;
        }
        return e;
}

/* The chains of the iptables before nftables. Without them its program is not run: it would load
 * the kernel's modules for them. */
static int read_legacy(CheckFacts *f)
{
        static const struct {
                const char *list, *program, *family;
        } kinds[] = {
                { "/proc/net/ip_tables_names", "iptables-legacy", "ip" },
                { "/proc/net/ip6_tables_names", "ip6tables-legacy", "ip6" },
        };
        int r = 0;

        f->legacy = json_object();
        for (size_t i = 0; i < ELEMENTSOF(kinds) && r >= 0; i++) {
                char *argv[] = { (char *)kinds[i].program, (char *)"-S", NULL };
                _cleanup_free_ char *names = NULL, *text = NULL;

                if (read_file_at(AT_FDCWD, kinds[i].list, 4096, &names) <= 0 ||
                    !strstr(names, "filter"))
                        continue;
                if (check_read_program(argv, &text) < 0)
                        r = strv_pushf(&f->notes, "there are rules of %s, which could not be read",
                                       kinds[i].program);
                else
                        (void)json_object_set_new(f->legacy, kinds[i].family,
                                                  check_legacy_parse(kinds[i].family, text));
        }
        return r;
}

static int read_rules(CheckFacts *f)
{
        char *argv[] = { (char *)"nft", (char *)"-j", (char *)"list", (char *)"ruleset", NULL };
        _cleanup_free_ char *text = NULL;

        if (check_read_program(argv, &text) < 0)
                return strv_pushf(&f->notes, "the rules of other firewalls were not read: `nft -j "
                                             "list ruleset` does not work here");
        f->ruleset = json_loads(text, 0, NULL);
        return 0;
}

int check_read_ruleset(CheckFacts *f, const Published *p)
{
        int r = read_rules(f);

        if (r >= 0)
                r = read_legacy(f);
        for (size_t i = 0; i < f->n_addresses && r >= 0 && f->n_drops == 0; i++) {
                r = walk_host(f, &f->addresses[i]);
                if (r >= 0)
                        r = walk_outside(f, &f->addresses[i]);
                if (r >= 0)
                        r = walk_ports(f, &f->addresses[i], p);
        }
        return r;
}
