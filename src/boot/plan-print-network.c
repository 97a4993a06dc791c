/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Links, addresses and ports of a plan, a line each. */

#include "boot/plan-parts.h"

#include "base/strv.h"

#include <sys/socket.h>

static int link_lines(const NetworkPlan *plan, char ***ret)
{
        int r = 0;

        for (size_t i = 0; i < plan->n_links && r >= 0; i++) {
                const NetworkLink *link = &plan->links[i];
                const char *master = !plan->veth || i > 0 ? NULL
                                     : plan->bridge       ? plan->bridge
                                     : plan->zone.name[0] ? plan->zone.name
                                                          : NULL;
                _cleanup_buffer_ Buffer mac = BUFFER_NULL;

                mac_address_format(&link->inside_mac, &mac);
                r = strv_pushf(ret, "%s %s -> %s%s%s%s%s", network_link_kind_to_string(link->kind),
                               link->host.name, link->inside, mac.size > 0 ? " " : "",
                               mac.data ?: "", master ? " in " : "", master ?: "");
        }
        return r;
}

static int address_lines(const AddressSettings *list, char ***ret)
{
        int r = 0;

        for (size_t i = 0; i < list->n && r >= 0; i++) {
                _cleanup_buffer_ Buffer text = BUFFER_NULL;

                address_setting_format(&list->items[i], &text);
                r = buffer_error(&text);
                if (r >= 0)
                        r = strv_push(ret, text.data);
        }
        return r;
}

static int gateway_lines(const NetworkPlan *plan, char ***ret)
{
        AddressSetting gateways[2];
        size_t n = 0;

        if (plan->gateway_ipv4.family != AF_UNSPEC)
                gateways[n++] = plan->gateway_ipv4;
        if (plan->gateway_ipv6.family != AF_UNSPEC)
                gateways[n++] = plan->gateway_ipv6;
        return address_lines(&(AddressSettings){ gateways, n }, ret);
}

static int port_lines(const PortSettings *ports, char ***ret)
{
        int r = 0;

        for (size_t i = 0; i < ports->n && r >= 0; i++) {
                _cleanup_buffer_ Buffer text = BUFFER_NULL;

                port_setting_format(&ports->items[i], &text);
                r = buffer_error(&text);
                if (r >= 0)
                        r = strv_pushf(ret, "%s (%s)", text.data,
                                       ports->items[i].origin ?: "definition");
        }
        return r;
}

int plan_network_lines(const NetworkPlan *plan, PlanNetworkLines *ret)
{
        int r = link_lines(plan, &ret->links);

        if (r >= 0)
                r = address_lines(&plan->addresses, &ret->addresses);
        if (r >= 0)
                r = gateway_lines(plan, &ret->gateways);
        if (r >= 0)
                r = address_lines(&plan->dns, &ret->dns);
        return r < 0 ? r : port_lines(&plan->ports, &ret->ports);
}

void plan_network_lines_done(PlanNetworkLines *lines)
{
        (void)strv_free(lines->links);
        (void)strv_free(lines->addresses);
        (void)strv_free(lines->gateways);
        (void)strv_free(lines->dns);
        (void)strv_free(lines->ports);
}
