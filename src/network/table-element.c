/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Elements of the table's sets and maps. A range of ports is one element a port: exact keys are
 * looked up in a hash, where an interval would need a tree that is copied at every change. */

#include "network/table-element.h"

#include <string.h>

void table_elements_done(TableElements *e)
{
        for (size_t i = 0; i < e->n; i++) {
                free(e->items[i].key);
                free(e->items[i].value);
        }
        free(e->items);
        *e = TABLE_ELEMENTS_NULL;
}

static int grow(TableElements *e)
{
        size_t allocated = MAX_OF(e->allocated * 2, (size_t)32);
        TableElement *items;

        if (e->n < e->allocated)
                return 0;
        items = reallocarray(e->items, allocated, sizeof(*items));
        if (!items)
                return -ENOMEM;
        e->items = items;
        e->allocated = allocated;
        return 0;
}

static int add(TableElements *e, TableSet set, const char *key, const char *value)
{
        _cleanup_free_ char *k = strdup(key), *v = value ? strdup(value) : NULL;

        if (!k || (value && !v) || grow(e) < 0)
                return -ENOMEM;
        e->items[e->n] = (TableElement){
                .set = set,
                .key = TAKE_PTR(k),
                .value = TAKE_PTR(v),
                .order = e->n,
        };
        e->n++;
        return 0;
}

static const IpAddress *first_address(const Published *p, int family)
{
        for (size_t i = 0; i < p->n_addresses; i++)
                if (p->addresses[i].family == family)
                        return &p->addresses[i];
        return NULL;
}

/* Ports of every address and ports of one address are different maps. */
static int add_port(TableElements *e, const Published *p, const PublishedPort *port, int family)
{
        const IpAddress *machine = first_address(p, family);
        const char *protocol = port->protocol == IPPROTO_UDP ? "udp" : "tcp";
        bool any = published_address_is_any(&port->host);
        char host[INET6_ADDRSTRLEN], inside[INET6_ADDRSTRLEN];
        char key[INET6_ADDRSTRLEN + 32], value[INET6_ADDRSTRLEN + 32];
        TableSet set = family == AF_INET ? (any ? TABLE_SET_PORT4 : TABLE_SET_BOUND4)
                                         : (any ? TABLE_SET_PORT6 : TABLE_SET_BOUND6);
        int r = 0;

        if (!machine || (port->host.family != AF_UNSPEC && port->host.family != family))
                return 0;
        (void)published_address_to_string(&port->host, host);
        (void)published_address_to_string(machine, inside);
        for (unsigned int n = port->first; r >= 0 && n <= port->last; n++) {
                if (any)
                        (void)snprintf(key, sizeof(key), "%s . %u", protocol, n);
                else
                        (void)snprintf(key, sizeof(key), "%s . %s . %u", host, protocol, n);
                (void)snprintf(value, sizeof(value), "%s . %u", inside,
                               port->machine_first + (n - port->first));
                r = add(e, set, key, value);
        }
        return r;
}

static int add_link(TableElements *e, const char *interface)
{
        char key[64];
        int r;

        (void)snprintf(key, sizeof(key), "\"%s\"", interface);
        r = add(e, TABLE_SET_LINK, key, NULL);
        (void)snprintf(key, sizeof(key), "\"%s\" . \"%s\"", interface, interface);
        return r < 0 ? r : add(e, TABLE_SET_SAME_LINK, key, NULL);
}

int table_elements_add(TableElements *e, const Published *p)
{
        char text[INET6_ADDRSTRLEN];
        int r = add_link(e, p->interface);

        for (size_t i = 0; r >= 0 && p->masquerade && i < p->n_addresses; i++) {
                const IpAddress *a = &p->addresses[i];

                r = add(e, a->family == AF_INET ? TABLE_SET_ADDRESS4 : TABLE_SET_ADDRESS6,
                        published_address_to_string(a, text), NULL);
        }
        for (size_t i = 0; r >= 0 && i < p->n_ports; i++) {
                r = add_port(e, p, &p->ports[i], AF_INET);
                if (r >= 0)
                        r = add_port(e, p, &p->ports[i], AF_INET6);
        }
        return r;
}

static int add_uplinks(TableElements *e, TableSet set, const char *family, char *const *uplinks,
                       bool every)
{
        int r = 0;

        if (every)
                return add(e, TABLE_SET_EVERY, family, NULL);
        for (char *const *u = uplinks; r >= 0 && u && *u; u++) {
                char key[64];

                (void)snprintf(key, sizeof(key), "\"%s\"", *u);
                r = add(e, set, key, NULL);
        }
        return r;
}

int table_elements_add_guard(TableElements *e, const TableGuard *guard)
{
        int r = add_uplinks(e, TABLE_SET_UPLINK4, "ipv4", guard->uplinks4, guard->every4);

        if (r >= 0)
                r = add_uplinks(e, TABLE_SET_UPLINK6, "ipv6", guard->uplinks6, guard->every6);
        return r;
}

static int compare_keys(const void *a, const void *b)
{
        const TableElement *x = a, *y = b;

        return x->set != y->set ? (x->set > y->set) - (x->set < y->set) : strcmp(x->key, y->key);
}

static int compare(const void *a, const void *b)
{
        const TableElement *x = a, *y = b;
        int r = compare_keys(a, b);

        return r != 0 ? r : (x->order > y->order) - (x->order < y->order);
}

void table_elements_sort(TableElements *e)
{
        size_t n = 0;

        if (e->n == 0)
                return;
        qsort(e->items, e->n, sizeof(*e->items), compare);
        for (size_t i = 1; i < e->n; i++) {
                if (compare_keys(&e->items[n], &e->items[i]) != 0) {
                        n++;
                        if (n != i) {
                                e->items[n] = e->items[i];
                                e->items[i].key = e->items[i].value = NULL;
                        }
                } else {
                        free(e->items[i].key);
                        free(e->items[i].value);
                        e->items[i].key = e->items[i].value = NULL;
                }
        }
        e->n = n + 1;
}

const TableElement *table_elements_find(const TableElements *e, const TableElement *like)
{
        return e->n == 0 ? NULL : bsearch(like, e->items, e->n, sizeof(*e->items), compare_keys);
}
