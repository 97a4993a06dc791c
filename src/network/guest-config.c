/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Name servers are those declared, or the host's end of the link, where our relay listens. */

#include "network/guest-config.h"

#include "base/buffer.h"
#include "network/dns-zone.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static const char *text_of(const IpAddress *ip, char text[static INET6_ADDRSTRLEN])
{
        return inet_ntop(ip->family, ip->bytes, text, INET6_ADDRSTRLEN);
}

/* Calls for each name server; its number is returned. */
static size_t each_server(const Network *n, Buffer *out, const char *before, const char *after)
{
        const IpAddress *gateways[] = { &n->gateway4, &n->gateway6 };
        char text[INET6_ADDRSTRLEN];
        size_t count = 0;

        for (size_t i = 0; i < n->plan->dns.n; i++, count++) {
                buffer_puts(out, before);
                address_setting_format(&n->plan->dns.items[i], out);
                buffer_puts(out, after);
        }
        for (size_t i = 0; i < ELEMENTSOF(gateways) && n->plan->dns.n == 0 && network_is_routed(n);
             i++)
                if (gateways[i]->family != AF_UNSPEC) {
                        buffer_printf(out, "%s%s%s", before, text_of(gateways[i], text), after);
                        count++;
                }
        return count;
}

static int finish(Buffer *out, bool empty, char **ret)
{
        if (empty) {
                buffer_done(out);
                *ret = NULL;
                return 0;
        }
        *ret = buffer_steal(out);
        return *ret ? 0 : -ENOMEM;
}

int network_resolv_conf(const Network *n, char **ret)
{
        Buffer out = BUFFER_NULL;
        size_t count;

        buffer_puts(&out, GUEST_CONFIG_MARK "; see ResolvConf= in "
                                            "stead.machine(5).\n");
        count = each_server(n, &out, "nameserver ", "\n");
        if (n->plan->dns.n == 0)
                buffer_puts(&out, "search " DNS_ZONE_DOMAIN "\n");
        return finish(&out, count == 0, ret);
}

int network_resolved_file(const Network *n, char **ret)
{
        Buffer out = BUFFER_NULL;
        size_t count;

        buffer_puts(&out, "[Resolve]\n");
        count = each_server(n, &out, "DNS=", "\n");
        if (n->plan->dns.n == 0)
                buffer_puts(&out, "Domains=" DNS_ZONE_DOMAIN "\n");
        return finish(&out, count == 0, ret);
}

int network_networkd_file(const Network *n, char **ret)
{
        const IpAddress *gateways[] = { &n->gateway4, &n->gateway6 };
        Buffer out = BUFFER_NULL;
        char text[INET6_ADDRSTRLEN];

        if (n->addresses.n == 0)
                return finish(&out, true, ret);
        buffer_printf(&out,
                      "# Written by stead for this start. A file of yours that sorts before this "
                      "one and\n# matches %s takes its place.\n[Match]\nName=%s\n[Network]\n"
                      "DHCP=no\nIPv6AcceptRA=no\nLinkLocalAddressing=ipv6\n"
                      "KeepConfiguration=yes\n",
                      n->plan->links[0].inside, n->plan->links[0].inside);
        for (size_t i = 0; i < n->addresses.n; i++)
                buffer_printf(&out, "Address=%s/%u\n",
                              text_of(&n->addresses.items[i].address, text),
                              n->addresses.items[i].prefix);
        (void)each_server(n, &out, "DNS=", "\n");
        if (n->plan->dns.n == 0 && network_is_routed(n))
                buffer_puts(&out, "Domains=" DNS_ZONE_DOMAIN "\n");
        for (size_t i = 0; i < ELEMENTSOF(gateways); i++)
                if (gateways[i]->family != AF_UNSPEC)
                        buffer_printf(&out, "[Route]\nGateway=%s\nGatewayOnLink=yes\n",
                                      text_of(gateways[i], text));
        return finish(&out, false, ret);
}

int network_unmanaged_file(const Network *n, char **ret)
{
        (void)n; /* links that come later are not the member's either */
        *ret = strdup("# Written by stead for this start: the links are the pod's.\n"
                      "[Match]\nName=*\n[Link]\nUnmanaged=yes\n");
        return *ret ? 0 : -ENOMEM;
}

int network_online_file(const Network *n, char **ret)
{
        (void)n;
        *ret = strdup("# Written by stead for this start: the network is the pod's, and there.\n"
                      "[Unit]\nConditionVirtualization=!container\n");
        return *ret ? 0 : -ENOMEM;
}
