/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The text of the host's nftables table. Why each rule is there stands beside it; docs/ARCHITECTURE
 * says what was measured.
 *
 * The forward chain only drops: an accept of ours ends our chain and nothing else, it cannot take
 * back what another table drops. */

#include "network/table-text.h"

#include "base/buffer.h"
#include "network/table-element.h"

#include <string.h>

static const char *const set_names[_TABLE_SET_MAX] = {
        [TABLE_SET_PORT4] = "port4",       [TABLE_SET_PORT6] = "port6",
        [TABLE_SET_BOUND4] = "bound4",     [TABLE_SET_BOUND6] = "bound6",
        [TABLE_SET_LINK] = "link",         [TABLE_SET_SAME_LINK] = "same-link",
        [TABLE_SET_ADDRESS4] = "address4", [TABLE_SET_ADDRESS6] = "address6",
        [TABLE_SET_UPLINK4] = "uplink4",   [TABLE_SET_UPLINK6] = "uplink6",
        [TABLE_SET_EVERY] = "every",
};

const char *table_set_name(TableSet set)
{
        return set_names[set];
}

const TableChain table_chains[] = {
        { "guard", 2 },  { "publish", 6 + 2 }, { "prerouting", 2 },
        { "output", 1 }, { "postrouting", 6 }, { "forward", 6 },
};
const size_t n_table_chains = ELEMENTSOF(table_chains);

static const char table_sets[] =
        "        comment \"" TABLE_MARK "\"\n"
        "        map port4 { type inet_proto . inet_service : ipv4_addr . inet_service; }\n"
        "        map port6 { type inet_proto . inet_service : ipv6_addr . inet_service; }\n"
        "        map bound4 { type ipv4_addr . inet_proto . inet_service : ipv4_addr . "
        "inet_service; }\n"
        "        map bound6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr . "
        "inet_service; }\n"
        "        set link { type ifname; }\n"
        "        set same-link { type ifname . ifname; }\n"
        "        set address4 { type ipv4_addr; }\n"
        "        set address6 { type ipv6_addr; }\n"
        "        set uplink4 { type ifname; }\n"
        "        set uplink6 { type ifname; }\n"
        "        set every { type nf_proto; }\n";

/* route_localnet lets a machine's link talk to 127.0.0.0/8: it must not, in neither direction.
 * Before conntrack, so that only what really was on the wire is seen. Of ::1 the kernel itself
 * takes nothing from a wire. At the host's end of its own link a machine asks for names
 * (dns-relay.h), whoever has published port 53. A client with a link-local address cannot be
 * forwarded, so such an address of the host's is left to the host's own services. */
static const char table_incoming[] =
        "        chain guard {\n"
        "                type filter hook prerouting priority -300; policy accept;\n"
        "                iifname @link ip daddr 127.0.0.0/8 drop\n"
        "                iifname @link ip saddr 127.0.0.0/8 drop\n"
        "        }\n"
        "        chain publish {\n"
        "                fib daddr type != local return\n"
        "                ip6 daddr fe80::/10 return\n"
        "                dnat ip to ip daddr . meta l4proto . th dport map @bound4\n"
        "                dnat ip to meta l4proto . th dport map @port4\n"
        "                dnat ip6 to ip6 daddr . meta l4proto . th dport map @bound6\n"
        "                dnat ip6 to meta l4proto . th dport map @port6\n"
        "        }\n"
        "        chain prerouting {\n"
        "                type nat hook prerouting priority -100; policy accept;\n"
        "                iifname @link meta l4proto { tcp, udp } th dport 53 "
        "fib daddr . iif type local return\n"
        "                jump publish\n"
        "        }\n"
        "        chain output {\n"
        "                type nat hook output priority -100; policy accept;\n"
        "                jump publish\n"
        "        }\n";

/* The source stays the client's but where no answer would come back: a machine cannot answer a
 * loopback address; on its own link it would answer the neighbour (or itself) past the host; and
 * beyond the host nobody knows a private address. */
static const char table_outgoing[] =
        "        chain postrouting {\n"
        "                type nat hook postrouting priority 100; policy accept;\n"
        "                oifname @link ip saddr 127.0.0.0/8 masquerade\n"
        "                oifname @link ip6 saddr ::1 masquerade\n"
        "                ct status dnat iifname . oifname @same-link masquerade\n"
        "                oifname @link return\n"
        "                ip saddr @address4 masquerade\n"
        "                ip6 saddr fc00::/7 ip6 saddr @address6 masquerade\n"
        "        }\n";

/* Forwarding for machines is turned on at the uplinks (forwarding.h), and would make the host a
 * router between these, too. A connection that was let through when it began goes on, and one that
 * somebody else redirected is theirs: another manager may have turned forwarding on for the whole
 * host since we looked. */
static const char table_forward[] =
        "        chain forward {\n"
        "                type filter hook forward priority 0; policy accept;\n"
        "                oifname @link return\n"
        "                ct state established,related return\n"
        "                ct status dnat return\n"
        "                meta nfproto ipv4 iifname @uplink4 drop\n"
        "                meta nfproto ipv6 iifname @uplink6 drop\n"
        "                iifname != @link meta nfproto @every drop\n"
        "        }\n";

/* All elements of a set in one command. @verb is "add" or "delete"; @e is sorted. */
static void put_elements(Buffer *b, const char *verb, const TableElements *e)
{
        for (size_t i = 0; i < e->n; i++) {
                const TableElement *x = &e->items[i];
                bool first = i == 0 || x->set != x[-1].set;
                bool last = i + 1 == e->n || x->set != x[1].set;

                if (first)
                        buffer_printf(b, "%s element inet " TABLE_NAME " %s { ", verb,
                                      set_names[x->set]);
                buffer_puts(b, x->key);
                if (x->value)
                        buffer_printf(b, " : %s", x->value);
                buffer_puts(b, last ? " }\n" : ", ");
        }
}

static int finish(Buffer *b, char **ret)
{
        char *text = buffer_steal(b);

        if (!text)
                return -ENOMEM;
        *ret = text;
        return 0;
}

static int collect(const PublishedList *list, const char *but, TableElements *e)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < list->n; i++)
                if (!but || strcmp(list->items[i].machine, but) != 0)
                        r = table_elements_add(e, &list->items[i]);
        table_elements_sort(e);
        return r;
}

int table_text_replace(const PublishedList *list, const TableGuard *guard, bool there, char **ret)
{
        _cleanup_table_elements_ TableElements e = TABLE_ELEMENTS_NULL;
        _cleanup_buffer_ Buffer b = BUFFER_NULL;
        int r = table_elements_add_guard(&e, guard);

        if (r >= 0)
                r = collect(list, NULL, &e);
        if (r < 0)
                return r;
        /* add, delete: the only way to delete what may be gone meanwhile in a transaction */
        if (there)
                buffer_puts(&b, "table inet " TABLE_NAME "\ndelete table inet " TABLE_NAME "\n");
        if (list->n > 0) {
                buffer_puts(&b, "table inet " TABLE_NAME " {\n");
                buffer_puts(&b, table_sets);
                buffer_puts(&b, table_incoming);
                buffer_puts(&b, table_outgoing);
                buffer_puts(&b, table_forward);
                buffer_puts(&b, "}\n");
                put_elements(&b, "add", &e);
        }
        return finish(&b, ret);
}

static bool same_value(const TableElement *a, const TableElement *b)
{
        return (!a->value && !b->value) ||
               (a->value && b->value && strcmp(a->value, b->value) == 0);
}

/* Drops what @others have, too. */
static int table_elements_subtract(TableElements *own, const TableElements *others)
{
        size_t n = 0, rest = own->n;
        int r = 0;

        for (size_t i = 0; i < own->n; i++) {
                const TableElement *other = table_elements_find(others, &own->items[i]);
                TableElement swap = own->items[n];

                if (other && !same_value(other, &own->items[i]))
                        r = -EEXIST;
                if (other)
                        continue;
                own->items[n++] = own->items[i];
                own->items[i] = swap;
        }
        own->n = n;
        for (size_t i = n; i < rest; i++) {
                free(own->items[i].key);
                free(own->items[i].value);
        }
        return r;
}

int table_share_elements(const PublishedList *list, const Published *p, TableElements *ret)
{
        _cleanup_table_elements_ TableElements others = TABLE_ELEMENTS_NULL,
                                               own = TABLE_ELEMENTS_NULL;
        int r = collect(list, p->machine, &others);

        if (r >= 0)
                r = table_elements_add(&own, p);
        if (r < 0)
                return r;
        table_elements_sort(&own);
        r = table_elements_subtract(&own, &others);
        if (r < 0)
                return r;
        *ret = own;
        own = TABLE_ELEMENTS_NULL;
        return 0;
}

static int table_text_change(const PublishedList *list, const Published *p, const char *verb,
                             char **ret)
{
        _cleanup_table_elements_ TableElements own = TABLE_ELEMENTS_NULL;
        _cleanup_buffer_ Buffer b = BUFFER_NULL;
        int r = table_share_elements(list, p, &own);

        if (r < 0)
                return r;
        put_elements(&b, verb, &own);
        return finish(&b, ret);
}

int table_text_add(const PublishedList *list, const Published *p, char **ret)
{
        return table_text_change(list, p, "add", ret);
}

int table_text_delete(const PublishedList *list, const Published *p, char **ret)
{
        return table_text_change(list, p, "delete", ret);
}

int table_text_guard(const TableGuard *guard, char **ret)
{
        static const TableSet sets[] = { TABLE_SET_UPLINK4, TABLE_SET_UPLINK6, TABLE_SET_EVERY };
        _cleanup_table_elements_ TableElements e = TABLE_ELEMENTS_NULL;
        _cleanup_buffer_ Buffer b = BUFFER_NULL;
        int r = table_elements_add_guard(&e, guard);

        if (r < 0)
                return r;
        table_elements_sort(&e);
        for (size_t i = 0; i < ELEMENTSOF(sets); i++)
                buffer_printf(&b, "flush set inet " TABLE_NAME " %s\n", set_names[sets[i]]);
        put_elements(&b, "add", &e);
        return finish(&b, ret);
}
