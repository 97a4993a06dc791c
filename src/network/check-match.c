/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values of a packet's fields, and whether a rule means them. */

#include "network/check-match.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <string.h>

typedef enum FieldKind {
        FIELD_UNKNOWN, /* nobody can say from outside */
        FIELD_ABSENT,  /* such a packet has none, and matches nothing */
        FIELD_TEXT,
        FIELD_NUMBER,
        FIELD_ADDRESS,
} FieldKind;

typedef struct Field {
        FieldKind kind;
        const char *text, *alias;
        json_int_t number;
        IpAddress address;
} Field;

typedef struct Search {
        const json_t *(*set)(void *userdata, const char *name);
        void *userdata;
        unsigned depth;
} Search;

static Field text_field(const char *text, const char *alias)
{
        return (Field){ .kind = FIELD_TEXT, .text = text, .alias = alias ?: text };
}

static Field protocol_field(const CheckPacket *p)
{
        return p->protocol == IPPROTO_UDP ? text_field("udp", "17") : text_field("tcp", "6");
}

static Field meta_field(const CheckPacket *p, const char *key)
{
        bool v4 = p->family == AF_INET;

        if (strcmp(key, "iifname") == 0 || strcmp(key, "iif") == 0)
                return text_field(p->in, NULL);
        if (strcmp(key, "oifname") == 0 || strcmp(key, "oif") == 0)
                return text_field(p->out, NULL);
        if (strcmp(key, "nfproto") == 0)
                return text_field(v4 ? "ipv4" : "ipv6", v4 ? "2" : "10");
        if (strcmp(key, "protocol") == 0)
                return text_field(v4 ? "ip" : "ip6", v4 ? "2048" : "34525");
        if (strcmp(key, "l4proto") == 0)
                return protocol_field(p);
        return (Field){};
}

static Field address_field(const CheckPacket *p, int family, const char *field)
{
        const IpAddress *a = strcmp(field, "saddr") == 0 ? &p->source : &p->destination;

        if (p->family != family)
                return (Field){ .kind = FIELD_ABSENT };
        if (strcmp(field, "protocol") == 0 || strcmp(field, "nexthdr") == 0)
                return protocol_field(p);
        if ((strcmp(field, "saddr") != 0 && strcmp(field, "daddr") != 0) || a->family == AF_UNSPEC)
                return (Field){};
        return (Field){ .kind = FIELD_ADDRESS, .address = *a };
}

static Field payload_field(const CheckPacket *p, const char *protocol, const char *field)
{
        if (strcmp(protocol, "ip") == 0 || strcmp(protocol, "ip6") == 0)
                return address_field(p, strcmp(protocol, "ip") == 0 ? AF_INET : AF_INET6, field);
        if (strcmp(protocol, "th") != 0 &&
            strcmp(protocol, p->protocol == IPPROTO_UDP ? "udp" : "tcp") != 0)
                return (Field){ .kind = FIELD_ABSENT };
        if (strcmp(field, "dport") != 0 || p->port == 0)
                return (Field){};
        return (Field){ .kind = FIELD_NUMBER, .number = p->port };
}

static Field ct_field(const CheckPacket *p, const char *key)
{
        if (strcmp(key, "state") == 0)
                return text_field(p->established ? "established" : "new", NULL);
        if (strcmp(key, "status") == 0)
                return p->dnat ? text_field("dnat", NULL) : (Field){ .kind = FIELD_ABSENT };
        return (Field){};
}

static Field field_of(const CheckPacket *p, const json_t *left)
{
        const json_t *meta = json_object_get(left, "meta"), *ct = json_object_get(left, "ct");
        const json_t *payload = json_object_get(left, "payload");
        const char *key = json_string_value(json_object_get(meta ?: ct, "key"));
        const char *protocol = json_string_value(json_object_get(payload, "protocol"));
        const char *field = json_string_value(json_object_get(payload, "field"));

        if (meta && key)
                return meta_field(p, key);
        if (ct && key && !json_object_get(ct, "dir"))
                return ct_field(p, key);
        if (protocol && field)
                return payload_field(p, protocol, field);
        return (Field){};
}

/* "ve-*" in a set or alone: every name that begins so. */
static bool text_is(const char *value, const char *pattern)
{
        size_t n = strlen(pattern);

        if (n > 0 && pattern[n - 1] == '*')
                return strncmp(value, pattern, n - 1) == 0;
        return strcmp(value, pattern) == 0;
}

static CheckMatch match_address(const IpAddress *a, const char *text, size_t bits)
{
        IpAddress other = {};
        size_t size = ip_address_size(a->family);

        if (inet_pton(a->family, text, other.bytes) <= 0)
                return CHECK_MATCH_MAYBE;
        for (size_t i = 0; i < size && i * 8 < bits; i++) {
                unsigned mask = bits - i * 8 >= 8 ? 0xff : 0xffU << (8 - (bits - i * 8)) & 0xff;

                if ((a->bytes[i] ^ other.bytes[i]) & mask)
                        return CHECK_MATCH_NO;
        }
        return CHECK_MATCH_YES;
}

static CheckMatch match_one(const Field *f, const json_t *value)
{
        char number[32];
        const char *text = json_string_value(value);

        if (json_is_integer(value)) {
                if (f->kind == FIELD_NUMBER)
                        return f->number == json_integer_value(value) ? CHECK_MATCH_YES
                                                                      : CHECK_MATCH_NO;
                (void)snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT,
                               json_integer_value(value));
                text = number;
        }
        if (!text || f->kind == FIELD_NUMBER)
                return CHECK_MATCH_MAYBE;
        if (f->kind == FIELD_ADDRESS)
                return match_address(&f->address, text, 128);
        return text_is(f->text, text) || text_is(f->alias, text) ? CHECK_MATCH_YES : CHECK_MATCH_NO;
}

static CheckMatch match_range(const Field *f, const json_t *range)
{
        const json_t *low = json_array_get(range, 0), *high = json_array_get(range, 1);
        IpAddress from = {}, to = {};
        size_t size = ip_address_size(f->address.family);

        if (f->kind == FIELD_NUMBER && json_is_integer(low) && json_is_integer(high))
                return f->number >= json_integer_value(low) && f->number <= json_integer_value(high)
                               ? CHECK_MATCH_YES
                               : CHECK_MATCH_NO;
        if (f->kind != FIELD_ADDRESS || !json_is_string(low) || !json_is_string(high) ||
            inet_pton(f->address.family, json_string_value(low), from.bytes) <= 0 ||
            inet_pton(f->address.family, json_string_value(high), to.bytes) <= 0)
                return CHECK_MATCH_MAYBE;
        return memcmp(f->address.bytes, from.bytes, size) >= 0 &&
                               memcmp(f->address.bytes, to.bytes, size) <= 0
                       ? CHECK_MATCH_YES
                       : CHECK_MATCH_NO;
}

static CheckMatch match_value(Search *s, const Field *f, const json_t *value);

static CheckMatch match_any(Search *s, const Field *f, const json_t *values)
{
        CheckMatch best = CHECK_MATCH_NO;
        const json_t *value;
        size_t i;

        json_array_foreach(values, i, value) best = MAX_OF(best, match_value(s, f, value));
        return best;
}

/* Sets hold sets; a hostile file may nest them without end. */
static CheckMatch match_value(Search *s, const Field *f, const json_t *value)
{
        const json_t *set = json_object_get(value, "set"), *range = json_object_get(value, "range");
        const json_t *prefix = json_object_get(value, "prefix");
        const json_t *element = json_object_get(json_object_get(value, "elem"), "val");
        const char *text = json_string_value(value);
        const json_t *address = json_object_get(prefix, "addr");
        const json_t *bits = json_object_get(prefix, "len");
        CheckMatch m = CHECK_MATCH_MAYBE;

        if (++s->depth > 8)
                m = CHECK_MATCH_MAYBE;
        else if (json_is_array(value) || json_is_array(set))
                m = match_any(s, f, set ?: value);
        else if (range)
                m = match_range(f, range);
        else if (element)
                m = match_value(s, f, element);
        else if (f->kind == FIELD_ADDRESS && json_is_string(address) && json_is_integer(bits))
                m = match_address(&f->address, json_string_value(address),
                                  (size_t)json_integer_value(bits));
        else if (text && text[0] == '@' && s->set)
                m = match_any(s, f, s->set(s->userdata, text + 1));
        else if (text || json_is_integer(value))
                m = match_one(f, value);
        s->depth--;
        return m;
}

CheckMatch check_match(const CheckPacket *packet, const json_t *left, const json_t *right,
                       const json_t *(*set)(void *userdata, const char *name), void *userdata)
{
        Search s = { .set = set, .userdata = userdata };
        Field f = field_of(packet, left);

        if (f.kind == FIELD_UNKNOWN)
                return CHECK_MATCH_MAYBE;
        return f.kind == FIELD_ABSENT ? CHECK_MATCH_NO : match_value(&s, &f, right);
}
