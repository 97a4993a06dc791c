/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead net list: a line a machine. Bytes are those of the host's end, seen from the machine. */

#include "cli/net-list.h"

#include "base/strv.h"
#include "cli/format.h"
#include "cli/table.h"
#include "machine/addresses.h"
#include "network/link-name.h"
#include "os/link-list.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

static const Column columns[] = {
        { "NAME", "name", false },   { "MODE", "mode", false },
        { "LINK", "link", false },   { "ADDRESSES", "addresses", false },
        { "PORTS", "ports", false }, { "IN", "rx_bytes", true },
        { "OUT", "tx_bytes", true },
};

/* Nothing if it publishes nothing. */
static void read_published(const char *name, Published *ret)
{
        _cleanup_close_ int fd = open(PUBLISHED_DIRECTORY, O_PATH | O_DIRECTORY | O_CLOEXEC);

        *ret = PUBLISHED_NULL;
        if (fd >= 0)
                (void)published_read(fd, name, ret, NULL); /* nothing is what is shown then */
}

static const char *mode_of(const Machine *m, const Published *p, const char *link)
{
        if (!m->private_network)
                return "host";
        if (p->interface && strncmp(p->interface, LINK_PREFIX_ZONE, strlen(LINK_PREFIX_ZONE)) == 0)
                return "zone";
        if (!link[0])
                return "private";
        return strncmp(link, LINK_PREFIX_BRIDGED, strlen(LINK_PREFIX_BRIDGED)) == 0 ? "bridge"
                                                                                    : "veth";
}

/* "tcp:8080:80", "udp:127.0.0.1:53:5353", "tcp:[::1]:80-89:80", as options have it. NULL on out of
 * memory. */
static char *port_text(const PublishedPort *port)
{
        char address[INET6_ADDRSTRLEN], range[16] = "";
        bool any = port->host.family == AF_UNSPEC, six = port->host.family == AF_INET6;
        char *text = NULL;

        if (port->last != port->first)
                (void)snprintf(range, sizeof(range), "-%u", port->last);
        if (asprintf(&text, "%s:%s%s%s%s%u%s:%u", port->protocol == IPPROTO_UDP ? "udp" : "tcp",
                     six ? "[" : "", any ? "" : published_address_to_string(&port->host, address),
                     six ? "]" : "", any ? "" : ":", port->first, range, port->machine_first) < 0)
                return NULL;
        return text;
}

void net_describe(const Machine *m, const char **ret_mode, char ***ret_links, char ***ret_ports)
{
        _cleanup_published_ Published p = PUBLISHED_NULL;
        LinkName link = {};

        if (m->private_network) {
                (void)link_name_find_end(m->name, &link); /* none: it stays empty */
                read_published(m->name, &p);
        }
        *ret_mode = mode_of(m, &p, link.name);
        if (link.name[0])
                (void)strv_push(ret_links, link.name);
        for (size_t i = 0; i < p.n_ports; i++) {
                char *port = port_text(&p.ports[i]);

                if (!port || strv_push_take(ret_ports, port) < 0)
                        free(port);
        }
}

/* All of @list, in the table with a space between. */
static void add_words(Table *t, char *const *list)
{
        _cleanup_free_ char *text = list && *list ? strv_join(list, " ") : NULL;
        json_t *array = json_array();

        for (char *const *s = list; s && *s; s++)
                (void)json_array_append_new(array, json_string(*s));
        table_add(t, text, array);
}

static void add_bytes(Table *t, uint64_t bytes, bool known)
{
        char size[FORMAT_MAX];

        table_add(t, known ? format_size(bytes, size) : NULL,
                  known ? json_integer((json_int_t)bytes) : NULL);
}

static void add_row(Table *t, int fd, const Machine *m)
{
        _cleanup_strv_ char **addresses = NULL, **links = NULL, **ports = NULL;
        _cleanup_link_ Link link = LINK_NULL;
        const char *mode;
        bool found;

        net_describe(m, &mode, &links, &ports);
        (void)addresses_of(m, &addresses); /* none is shown */
        found = links && link_find(fd, LINK_BY_NAME(links[0]), &link) >= 0;
        table_add(t, m->name, NULL);
        table_add(t, mode, NULL);
        table_add(t, links ? links[0] : NULL, NULL);
        add_words(t, addresses);
        add_words(t, ports);
        add_bytes(t, link.statistics.tx_bytes, found);
        add_bytes(t, link.statistics.rx_bytes, found);
}

int net_list(char *const *names, bool json, Error *error)
{
        _cleanup_table_ Table *t = table_new(columns, ELEMENTSOF(columns));
        _cleanup_close_ int fd = netlink_open(NETLINK_ROUTE);
        int r;

        if (fd < 0)
                return error_errno(error, -fd, "Failed to open a netlink socket");
        for (char *const *n = names; n && *n; n++) {
                _cleanup_machine_ Machine *m = NULL;

                if (machine_open(*n, &m, NULL) >= 0)
                        add_row(t, fd, m);
        }
        r = table_print(t, json);
        return r < 0 ? error_set(error, ENOMEM, "Out of memory") : EXIT_SUCCESS;
}
