/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The text of one machine's file in /run/stead/network: KEY=VALUE lines. */

#include "network/published.h"

#include "base/buffer.h"
#include "base/parse.h"
#include "base/strv.h"

#include <inttypes.h>
#include <string.h>

#define LINES_MAX 65536

static const char *protocol_to_string(int protocol)
{
        return protocol == IPPROTO_UDP ? "udp" : "tcp";
}

static int parse_port_number(const char *text, uint16_t *ret)
{
        uint32_t n;
        int r = parse_uint32(text, &n);

        if (r < 0)
                return r;
        if (n == 0 || n > UINT16_MAX)
                return -ERANGE;
        *ret = (uint16_t)n;
        return 0;
}

/* "tcp * 8000 8010 80" */
static int parse_port(const char *value, Published *p)
{
        _cleanup_strv_ char **words = NULL;
        PublishedPort port = {};
        int r = strv_split(value, " ", &words);

        if (r < 0)
                return r;
        if (strv_length(words) != 5)
                return -EINVAL;
        if (strcmp(words[0], "tcp") == 0)
                port.protocol = IPPROTO_TCP;
        else if (strcmp(words[0], "udp") == 0)
                port.protocol = IPPROTO_UDP;
        else
                return -EINVAL;
        r = published_address_parse(words[1], &port.host);
        if (r >= 0)
                r = parse_port_number(words[2], &port.first);
        if (r >= 0)
                r = parse_port_number(words[3], &port.last);
        if (r >= 0)
                r = parse_port_number(words[4], &port.machine_first);
        return r < 0 ? r : published_add_port(p, &port);
}

static int parse_switch(const char *value, bool *ret)
{
        int r = parse_boolean(value);

        if (r >= 0)
                *ret = r > 0;
        return r;
}

/* Unknown keys are of a later version of stead, and no reason to let a port go. */
static int parse_line(const char *line, Published *p)
{
        IpAddress address;
        const char *value = strchr(line, '=');
        int r;

        if (!value)
                return -EINVAL;
        value++;
        if (strncmp(line, "INTERFACE=", 10) == 0)
                return published_set_interface(p, value);
        if (strncmp(line, "MASQUERADE=", 11) == 0)
                return parse_switch(value, &p->masquerade);
        if (strncmp(line, "REPLACES=", 9) == 0)
                return parse_switch(value, &p->replaces);
        if (strncmp(line, "PORT=", 5) == 0)
                return parse_port(value, p);
        if (strncmp(line, "ADDRESS=", 8) != 0)
                return 0;
        r = published_address_parse(value, &address);
        return r < 0 ? r : published_add_address(p, &address);
}

int published_parse(const char *machine, const char *text, Published *ret, Error *error)
{
        _cleanup_published_ Published p = PUBLISHED_NULL;
        _cleanup_strv_ char **lines = NULL;
        size_t n = 0;

        p.machine = strdup(machine);
        if (!p.machine || strv_split(text, "\n", &lines) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        if (strv_length(lines) > LINES_MAX)
                return error_set(error, EBADMSG, "What '%s' publishes is too long", machine);
        STRV_FOREACH (line, lines) {
                int r = parse_line(*line, &p);

                n++;
                if (r == -ENOMEM)
                        return error_set(error, ENOMEM, "Out of memory");
                if (r < 0)
                        return error_set(error, EBADMSG,
                                         "'" PUBLISHED_DIRECTORY "/%s', line %zu: %s", machine, n,
                                         r == -EEXIST ? "the port is there already"
                                                      : "this makes no sense");
        }
        if (!p.interface)
                return error_set(error, EBADMSG,
                                 "'" PUBLISHED_DIRECTORY "/%s' has no INTERFACE=", machine);
        *ret = p;
        p = PUBLISHED_NULL;
        return 0;
}

char *published_format(const Published *p)
{
        _cleanup_buffer_ Buffer b = BUFFER_NULL;
        char address[INET6_ADDRSTRLEN];

        buffer_printf(&b, "INTERFACE=%s\n", p->interface ?: "");
        if (!p->masquerade)
                buffer_puts(&b, "MASQUERADE=no\n");
        if (p->replaces)
                buffer_puts(&b, "REPLACES=yes\n");
        for (size_t i = 0; i < p->n_addresses; i++)
                buffer_printf(&b, "ADDRESS=%s\n",
                              published_address_to_string(&p->addresses[i], address));
        for (size_t i = 0; i < p->n_ports; i++) {
                const PublishedPort *port = &p->ports[i];

                buffer_printf(&b, "PORT=%s %s %u %u %u\n", protocol_to_string(port->protocol),
                              published_address_to_string(&port->host, address), port->first,
                              port->last, port->machine_first);
        }
        return buffer_steal(&b);
}
