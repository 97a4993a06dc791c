/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From typed values back to words. */

#include "config/resource-format.h"

#include "base/parse.h"
#include "base/strv.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <linux/netfilter.h>
#include <netinet/in.h>
#include <string.h>

#define WEIGHT_NORMAL 100

/* The largest unit of which it is a whole number. */
static void format_units(uint64_t number, unsigned base, Buffer *out)
{
        static const char suffixes[] = "KMGTPE";
        size_t i = 0;

        while (number > 0 && number % base == 0 && i < sizeof(suffixes) - 1) {
                number /= base;
                i++;
        }
        buffer_printf(out, "%" PRIu64, number);
        if (i > 0)
                buffer_append(out, &suffixes[i - 1], 1);
}

static void format_permyriad(uint64_t permyriad, Buffer *out)
{
        unsigned part = (unsigned)(permyriad % 100);

        buffer_printf(out, "%" PRIu64, permyriad / 100);
        if (part % 10 > 0)
                buffer_printf(out, ".%02u", part);
        else if (part > 0)
                buffer_printf(out, ".%u", part / 10);
        buffer_puts(out, "%");
}

static void format_time(uint64_t usec, Buffer *out)
{
        static const struct {
                uint64_t usec;
                const char *unit;
        } units[] = { { 3600 * USEC_PER_SEC, "h" },
                      { 60 * USEC_PER_SEC, "min" },
                      { USEC_PER_SEC, "s" },
                      { 1000, "ms" } };

        for (size_t i = 0; i < ELEMENTSOF(units); i++)
                if (usec > 0 && usec % units[i].usec == 0) {
                        buffer_printf(out, "%" PRIu64 "%s", usec / units[i].usec, units[i].unit);
                        return;
                }
        buffer_printf(out, "%" PRIu64 "us", usec);
}

static void format_number(const ResourceValue *v, Buffer *out)
{
        ResourceType type = v->key->type;

        if (type == RESOURCE_WEIGHT || type == RESOURCE_CPU_WEIGHT) {
                if (v->number == 0)
                        buffer_puts(out, "idle");
                else
                        buffer_printf(out, "%" PRIu64,
                                      v->number == RESOURCE_INFINITY ? (uint64_t)WEIGHT_NORMAL
                                                                     : v->number);
        } else if (v->number == RESOURCE_INFINITY) {
                buffer_puts(out, "infinity");
        } else if (type == RESOURCE_SIZE) {
                format_units(v->number, 1024, out);
        } else if (type == RESOURCE_CPU_QUOTA) {
                format_permyriad(v->number / (USEC_PER_SEC / 10000), out);
        } else if (type == RESOURCE_TIME) {
                format_time(v->number, out);
        } else {
                buffer_printf(out, "%" PRIu64, v->number);
        }
}

static void format_bitmap(const ResourceValue *v, Buffer *out)
{
        size_t bits = v->n_bitmap * 8;
        bool first = true;

        for (size_t i = 0; i < bits; i++) {
                size_t from = i;

                if (!(v->bitmap[i / 8] & 1 << i % 8))
                        continue;
                while (i + 1 < bits && v->bitmap[(i + 1) / 8] & 1 << (i + 1) % 8)
                        i++;
                buffer_printf(out, "%s%zu", first ? "" : ",", from);
                if (i > from)
                        buffer_printf(out, "-%zu", i);
                first = false;
        }
}

static void format_port(const ResourceItem *item, Buffer *out)
{
        bool any = item->family == AF_UNSPEC && item->protocol == 0 && item->port == 0;

        if (any)
                buffer_puts(out, "any");
        if (item->family != AF_UNSPEC)
                buffer_puts(out, item->family == AF_INET ? "ipv4" : "ipv6");
        if (item->protocol != 0)
                buffer_printf(out, "%s%s", item->family != AF_UNSPEC ? ":" : "",
                              item->protocol == IPPROTO_TCP ? "tcp" : "udp");
        if (item->port == 0)
                return;
        buffer_printf(out, "%s%u", item->family != AF_UNSPEC || item->protocol != 0 ? ":" : "",
                      (unsigned)item->port);
        if (item->n_ports > 1)
                buffer_printf(out, "-%u", (unsigned)item->port + item->n_ports - 1);
}

static void format_address(const ResourceItem *item, Buffer *out)
{
        char text[INET6_ADDRSTRLEN];

        buffer_printf(out, "%s/%u",
                      inet_ntop(item->family, item->address, text, sizeof(text)) ?: "?",
                      item->prefix);
}

static void format_nft_set(const ResourceItem *item, Buffer *out)
{
        static const char *const sources[] = { "cgroup", "user", "group" };
        static const char *const families[] = {
                [NFPROTO_INET] = "inet",     [NFPROTO_IPV4] = "ip",       [NFPROTO_ARP] = "arp",
                [NFPROTO_NETDEV] = "netdev", [NFPROTO_BRIDGE] = "bridge", [NFPROTO_IPV6] = "ip6",
        };
        size_t source = (size_t)item->protocol, family = (size_t)item->family;

        buffer_printf(out, "%s:%s:%s:%s", source < ELEMENTSOF(sources) ? sources[source] : "?",
                      (family < ELEMENTSOF(families) ? families[family] : NULL) ?: "?", item->name,
                      item->text);
}

static void format_device(const ResourceValue *v, const ResourceItem *item, Buffer *out)
{
        buffer_printf(out, "%s ", item->name);
        if (item->number == RESOURCE_INFINITY)
                buffer_puts(out, "infinity");
        else if (v->key->type == RESOURCE_DEVICE_RATE)
                format_units(item->number, 1000, out);
        else if (v->key->type == RESOURCE_DEVICE_TIME)
                format_time(item->number, out);
        else
                buffer_printf(out, "%" PRIu64, item->number);
}

static void format_item(const ResourceValue *v, const ResourceItem *item, Buffer *out)
{
        if (v->form == RESOURCE_FORM_DEVICES)
                format_device(v, item, out);
        else if (v->form == RESOURCE_FORM_ADDRESSES)
                format_address(item, out);
        else if (v->form == RESOURCE_FORM_PORTS)
                format_port(item, out);
        else if (v->form == RESOURCE_FORM_NFT_SETS)
                format_nft_set(item, out);
        else if (v->key->type == RESOURCE_BPF_PROGRAM)
                buffer_printf(out, "%s:%s", item->name, item->text);
        else if (v->form == RESOURCE_FORM_PAIRS)
                buffer_printf(out, "%s %s", item->name, item->text);
        else
                buffer_puts(out, item->name);
}

static void format_items(const ResourceValue *v, Buffer *out)
{
        bool blanks = v->form == RESOURCE_FORM_DEVICES ||
                      (v->form == RESOURCE_FORM_PAIRS && v->key->type != RESOURCE_BPF_PROGRAM);
        _cleanup_strv_ char **texts = NULL;

        for (size_t i = 0; i < v->n_items; i++) {
                _cleanup_buffer_ Buffer text = BUFFER_NULL;

                format_item(v, &v->items[i], &text);
                if (buffer_error(&text) < 0 || strv_push(&texts, text.data ?: "") < 0) {
                        out->failed = true;
                        return;
                }
        }
        strv_sort(texts);
        if (v->form == RESOURCE_FORM_INTERFACES && texts && !v->number)
                buffer_puts(out, "~");
        for (size_t i = 0; texts && texts[i]; i++)
                if (i == 0 || strcmp(texts[i], texts[i - 1]) != 0)
                        buffer_printf(out, "%s%s", i == 0 ? "" : blanks ? "; " : " ", texts[i]);
}

void resource_format(const ResourceValue *v, Buffer *out)
{
        switch (v->form) {
        case RESOURCE_FORM_BOOLEAN:
                buffer_puts(out, v->number ? "yes" : "no");
                break;
        case RESOURCE_FORM_NUMBER:
                format_number(v, out);
                break;
        case RESOURCE_FORM_SCALE:
                format_permyriad(v->permyriad, out);
                break;
        case RESOURCE_FORM_STRING:
                buffer_puts(out, v->text ?: "");
                break;
        case RESOURCE_FORM_BITMAP:
                format_bitmap(v, out);
                break;
        case RESOURCE_FORM_STRINGS:
        case RESOURCE_FORM_PAIRS:
        case RESOURCE_FORM_DEVICES:
        case RESOURCE_FORM_ADDRESSES:
        case RESOURCE_FORM_PORTS:
        case RESOURCE_FORM_INTERFACES:
        case RESOURCE_FORM_NFT_SETS:
                format_items(v, out);
                break;
        case RESOURCE_FORM_NONE:
        case _RESOURCE_FORM_MAX:
                break;
        }
}

const char *resource_default(const ResourceKey *key)
{
        switch (key->type) {
        case RESOURCE_SIZE:
                return key->empty == RESOURCE_INFINITY ? "infinity" : "0";
        case RESOURCE_WEIGHT:
        case RESOURCE_CPU_WEIGHT:
                return "100";
        case RESOURCE_CPU_QUOTA:
                return "infinity";
        case RESOURCE_CPU_LIST:
        case RESOURCE_DEVICE_RATE:
        case RESOURCE_DEVICE_WEIGHT:
        case RESOURCE_DEVICE_TIME:
        case RESOURCE_CONTROLLERS:
        case RESOURCE_ADDRESSES:
        case RESOURCE_PATHS:
        case RESOURCE_BPF_PROGRAM:
        case RESOURCE_SOCKET_BIND:
        case RESOURCE_INTERFACES:
        case RESOURCE_NFT_SET:
                return "";
        case RESOURCE_CHOICE:
        case RESOURCE_BOOLEAN:
        case RESOURCE_TASKS:
        case RESOURCE_TIME:
        case RESOURCE_PERCENT:
        case RESOURCE_DEVICE_ALLOW:
        case RESOURCE_SLICE:
        case _RESOURCE_TYPE_MAX:
                break;
        }
        return NULL;
}
