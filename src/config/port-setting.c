/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ports as text and back. Bounds and overlaps are found here; whether a port is taken on the host
 * is not looked at. */

#include "config/port-setting.h"

#include "base/parse.h"

#include <netinet/in.h>
#include <string.h>

#define ALLOWED                                                                              \
        "allowed is [tcp:|udp:][ADDRESS:]HOST[-LAST][:MACHINE[-LAST]] with ports from 1 to " \
        "65535, such as 8080, tcp:8080:80, udp:53, 127.0.0.1:8080:80 or [::1]:8000-8010:80-90"

static void setting_done(PortSetting *p)
{
        free(p->origin);
        *p = (PortSetting){};
}

void port_settings_done(PortSettings *p)
{
        for (size_t i = 0; i < p->n; i++)
                setting_done(&p->items[i]);
        free(p->items);
        *p = (PortSettings){};
}

/* What is before the ':' at the end of the host's address, to a buffer; false if it is too long. */
static bool copy_part(const char *text, size_t n, char *buffer, size_t size)
{
        if (n >= size)
                return false;
        memcpy(buffer, text, n);
        buffer[n] = '\0';
        return true;
}

/* Neither is forwarded, and the third is never seen on a packet. */
static bool leads_nowhere(const AddressSetting *a)
{
        struct in6_addr v6;

        if (a->family == AF_INET)
                return a->bytes[0] >= 224;
        memcpy(&v6, a->bytes, sizeof(v6));
        return IN6_IS_ADDR_LINKLOCAL(&v6) || IN6_IS_ADDR_MULTICAST(&v6) ||
               IN6_IS_ADDR_V4MAPPED(&v6);
}

/* "[::1]:" or "127.0.0.1:" at *text, which is moved behind it. 0 if there is none. */
static int read_address(const char **text, AddressSetting *ret, Error *error)
{
        bool bracket = **text == '[';
        const char *start = *text + bracket;
        size_t n = strcspn(start, bracket ? "]" : ":");
        char address[64]; /* longer than the longest */
        int r;

        if (!bracket && (!memchr(start, '.', n) || start[n] != ':'))
                return 0;
        if ((bracket && strncmp(start + n, "]:", 2) != 0) ||
            !copy_part(start, n, address, sizeof(address)))
                return error_set(error, EINVAL, "no address of the host; " ALLOWED);
        r = address_setting_parse(address, ret, error);
        if (r < 0)
                return error_prefix(error, "'%s'", address);
        if (strchr(address, '/') || bracket != (ret->family == AF_INET6))
                return error_set(error, EINVAL,
                                 "'%s' is not an address of the host; write 127.0.0.1, or an IPv6 "
                                 "address in brackets, such as [::1]",
                                 address);
        if (leads_nowhere(ret))
                return error_set(error, EINVAL,
                                 "a port of '%s' cannot lead into a machine: it is a link-local, "
                                 "multicast or mapped address; write one of the host's others, or "
                                 "none for all of them",
                                 address);
        *text = start + n + (bracket ? 2 : 1);
        return 1;
}

static bool parse_port(const char *text, uint16_t *ret)
{
        uint32_t port;

        if (strspn(text, "0123456789") != strlen(text) || parse_uint32(text, &port) < 0 ||
            port < 1 || port > UINT16_MAX)
                return false;
        *ret = (uint16_t)port;
        return true;
}

/* "80" or "80-90", @n characters. */
static bool parse_range(const char *text, size_t n, uint16_t *ret_first, uint16_t *ret_n)
{
        char part[16], *dash;
        uint16_t first, last;

        if (!copy_part(text, n, part, sizeof(part)))
                return false;
        dash = strchr(part, '-');
        if (dash)
                *dash++ = '\0';
        if (!parse_port(part, &first) || !parse_port(dash ?: part, &last) || last < first)
                return false;
        *ret_first = first;
        *ret_n = (uint16_t)(last - first + 1);
        return true;
}

int port_setting_parse(const char *text, PortSetting *ret, Error *error)
{
        PortSetting p = { .protocol = IPPROTO_TCP };
        const char *rest = text;
        uint16_t n_machine;
        size_t n;
        int r;

        if (strncmp(rest, "tcp:", 4) == 0 || strncmp(rest, "udp:", 4) == 0) {
                p.protocol = *rest == 't' ? IPPROTO_TCP : IPPROTO_UDP;
                rest += 4;
        }
        r = read_address(&rest, &p.address, error);
        if (r < 0)
                return r;
        n = strcspn(rest, ":");
        if (!parse_range(rest, n, &p.host, &p.n))
                return error_set(error, EINVAL,
                                 "'%.*s' is not a port or a range of ports; " ALLOWED,
                                 (int)MIN_OF(n, 32U), rest);
        p.machine = p.host;
        n_machine = p.n;
        if (rest[n] == ':' &&
            !parse_range(rest + n + 1, strlen(rest + n + 1), &p.machine, &n_machine))
                return error_set(error, EINVAL,
                                 "'%.32s' is not a port or a range of ports; " ALLOWED,
                                 rest + n + 1);
        if (n_machine != p.n)
                return error_set(error, EINVAL,
                                 "%u ports of the host for %u of the machine; write ranges of the "
                                 "same length, such as 8000-8010:80-90",
                                 p.n, n_machine);
        *ret = p;
        return 0;
}

static bool addresses_meet(const AddressSetting *a, const AddressSetting *b)
{
        if (a->family == AF_UNSPEC || b->family == AF_UNSPEC)
                return true;
        return a->family == b->family &&
               (address_setting_is_unspecified(a) || address_setting_is_unspecified(b) ||
                address_setting_equal(a, b));
}

static bool overlap(const PortSetting *a, const PortSetting *b)
{
        return a->protocol == b->protocol && a->host < b->host + b->n && b->host < a->host + a->n &&
               addresses_meet(&a->address, &b->address);
}

static bool same(const PortSetting *a, const PortSetting *b)
{
        return a->protocol == b->protocol && a->host == b->host && a->machine == b->machine &&
               a->n == b->n && address_setting_equal(&a->address, &b->address);
}

/* 1 if @new is in @p already, 0 if it is not, -EINVAL if another takes one of its ports. */
static int compare_all(const PortSettings *p, const PortSetting *new, const char *text,
                       Error *error)
{
        for (size_t i = 0; i < p->n; i++) {
                const PortSetting *other = &p->items[i];
                _cleanup_buffer_ Buffer shown = BUFFER_NULL;

                if (same(other, new))
                        return 1;
                if (!overlap(other, new))
                        continue;
                port_setting_format(other, &shown);
                return error_set(error, EINVAL,
                                 "'%s' overlaps with '%s' (%s); a port of the host leads to one "
                                 "place, drop one of them",
                                 text, shown.data ?: "", other->origin);
        }
        return 0;
}

int port_settings_add(PortSettings *p, const char *text, const char *origin, Error *error)
{
        _cleanup_(setting_done) PortSetting new = {};
        PortSetting *grown;
        int r = port_setting_parse(text, &new, error);

        if (r >= 0)
                r = compare_all(p, &new, text, error);
        if (r != 0)
                return r < 0 ? r : 0;
        new.origin = strdup(origin);
        grown = new.origin ? reallocarray(p->items, p->n + 1, sizeof(*grown)) : NULL;
        if (!grown)
                return -ENOMEM;
        p->items = grown;
        grown[p->n++] = new;
        new = (PortSetting){};
        return 0;
}

static void format_range(uint16_t first, uint16_t n, Buffer *out)
{
        buffer_printf(out, "%u", first);
        if (n > 1)
                buffer_printf(out, "-%u", first + n - 1U);
}

void port_setting_format(const PortSetting *p, Buffer *out)
{
        bool bracket = p->address.family == AF_INET6;

        buffer_puts(out, p->protocol == IPPROTO_UDP ? "udp:" : "tcp:");
        if (p->address.family != AF_UNSPEC) {
                buffer_puts(out, bracket ? "[" : "");
                address_setting_format(&p->address, out);
                buffer_puts(out, bracket ? "]:" : ":");
        }
        format_range(p->host, p->n, out);
        if (p->machine != p->host) {
                buffer_puts(out, ":");
                format_range(p->machine, p->n, out);
        }
}
