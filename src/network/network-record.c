/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The addresses of a network that outlives the process that made it, a line each:
 *
 *         addressing pool
 *         own 100.64.3.7 fd00::7
 *         address 100.64.3.7/32
 *         gateway 100.64.0.1
 */

#include "network/network.h"

#include "base/buffer.h"
#include "base/parse.h"
#include "base/strv.h"

#include <arpa/inet.h>
#include <string.h>

int network_format(const Network *n, char **ret)
{
        const IpAddress *gateways[] = { &n->gateway4, &n->gateway6 };
        char v4[INET_ADDRSTRLEN], v6[INET6_ADDRSTRLEN];
        Buffer out = BUFFER_NULL;

        buffer_printf(&out, "addressing %s\n", network_addressing_to_string(n->addressing));
        if (n->own_taken)
                buffer_printf(&out, "own %s %s\n", inet_ntop(AF_INET, &n->own.v4, v4, sizeof(v4)),
                              inet_ntop(AF_INET6, &n->own.v6, v6, sizeof(v6)));
        for (size_t i = 0; i < n->addresses.n; i++) {
                const LinkAddress *a = &n->addresses.items[i];

                buffer_printf(&out, "address %s/%u\n",
                              inet_ntop(a->address.family, a->address.bytes, v6, sizeof(v6)),
                              a->prefix);
        }
        for (size_t i = 0; i < ELEMENTSOF(gateways); i++)
                if (gateways[i]->family != AF_UNSPEC)
                        buffer_printf(
                                &out, "gateway %s\n",
                                inet_ntop(gateways[i]->family, gateways[i]->bytes, v6, sizeof(v6)));
        *ret = buffer_steal(&out);
        return *ret ? 0 : -ENOMEM;
}

static int read_ip(const char *text, IpAddress *ret)
{
        *ret = (IpAddress){ .family = strchr(text, ':') ? AF_INET6 : AF_INET };
        return inet_pton(ret->family, text, ret->bytes) == 1 ? 0 : -EBADMSG;
}

static int read_address(Network *n, char *text)
{
        char *slash = strchr(text, '/');
        LinkAddress *items, a = {};
        uint32_t prefix;

        if (!slash || parse_uint32(slash + 1, &prefix) < 0 || prefix > 128)
                return -EBADMSG;
        *slash = '\0';
        if (read_ip(text, &a.address) < 0)
                return -EBADMSG;
        a.prefix = (uint8_t)prefix;
        items = reallocarray(n->addresses.items, n->addresses.n + 1, sizeof(*items));
        if (!items)
                return -ENOMEM;
        n->addresses.items = items;
        items[n->addresses.n++] = a;
        return 0;
}

static int read_line(Network *n, char **words)
{
        size_t count = strv_length(words);
        IpAddress ip;

        if (count == 2 && strcmp(words[0], "addressing") == 0) {
                n->addressing = network_addressing_from_string(words[1]);
                return (int)n->addressing < 0 ? -EBADMSG : 0;
        }
        if (count == 2 && strcmp(words[0], "address") == 0)
                return read_address(n, words[1]);
        if (count == 2 && strcmp(words[0], "gateway") == 0) {
                if (read_ip(words[1], &ip) < 0)
                        return -EBADMSG;
                *(ip.family == AF_INET ? &n->gateway4 : &n->gateway6) = ip;
                return 0;
        }
        if (count == 3 && strcmp(words[0], "own") == 0) {
                n->own_taken = inet_pton(AF_INET, words[1], &n->own.v4) == 1 &&
                               inet_pton(AF_INET6, words[2], &n->own.v6) == 1;
                return n->own_taken ? 0 : -EBADMSG;
        }
        return -EBADMSG;
}

int network_restore(const NetworkPlan *plan, const char *name, const char *text, Network *ret,
                    Error *error)
{
        _cleanup_strv_ char **lines = NULL;
        Network n = NETWORK_NULL;
        int r = strv_split(text, "\n", &lines);

        n.plan = plan;
        n.name = name;
        STRV_FOREACH (line, lines) {
                _cleanup_strv_ char **words = NULL;

                r = r < 0 ? r : strv_split(*line, " ", &words);
                r = r < 0 ? r : read_line(&n, words);
        }
        if (r >= 0) {
                n.host_fd = netlink_open(NETLINK_ROUTE);
                r = n.host_fd < 0 ? n.host_fd : 0;
        }
        if (r < 0) {
                network_leave(&n);
                return error_errno(error, -r, "Failed to read what is recorded of the network '%s'",
                                   name);
        }
        *ret = n;
        return 0;
}
