/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What excludes what in [Network], what needs what, and what is implied: the rules of
 * systemd-nspawn, and those of the keys that it does not have. Everything is about one text; that
 * an address is taken or a bridge is missing is found out by those who make links. */

#include "config/settings-check.h"

#include <string.h>
#include <sys/socket.h>

#define IPV6_MTU_MIN 1280U /* RFC 8200, section 5 */

/* All rows of [Network] by long name, but the two that stand for all the rest. */
static const char *const rows[] = {
        "private-network",   "network-veth",        "network-veth-extra",
        "network-interface", "network-macvlan",     "network-ipvlan",
        "network-bridge",    "network-zone",        "port",
        "network-address",   "network-gateway",     "network-dns",
        "network-mtu",       "network-mac-address", "network-bandwidth-max",
};

/* Whether somebody asked for it; "VirtualEthernet=no" does not. nspawn's variable for the MAC
 * address says what host0's is to be, if there is one. */
static bool asks(const Assignments *a, const char *name)
{
        const Option *o = option_by_name(name);
        const Assignment *item = o ? assignments_find(a, o) : NULL;

        return item && item->origin[0] != '$' &&
               (o->metavar || !item->value || parse_boolean(item->value) > 0);
}

/* Refuses all of [Network] beside @name. */
static int check_alone(const Assignments *a, const char *name, const char *why, const char *hint,
                       Error *error)
{
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (asks(a, rows[i]))
                        return settings_conflict(a, name, rows[i], why, hint, error);
        return 0;
}

static int check_shared(const Assignments *a, const Settings *s, Error *error)
{
        _cleanup_free_ char *hint = NULL;
        int r;

        if (s->pod && s->network_namespace_path)
                return settings_conflict(a, "pod", "network-namespace-path",
                                         "a machine has one network", "drop one of them", error);
        if (s->network_namespace_path && asks(a, "private-network"))
                return settings_conflict(a, "network-namespace-path", "private-network",
                                         "a machine has one network", "--private-network=no",
                                         error);
        if (s->network_namespace_path)
                return check_alone(a, "network-namespace-path",
                                   "the network is there already, and is not changed",
                                   "drop one of them", error);
        if (!s->pod)
                return 0;
        if (asprintf(&hint, "write it in section [Network] of %s.pod", s->pod) < 0) {
                hint = NULL;
                return -ENOMEM;
        }
        r = asks(a, "port")
                    ? settings_conflict(a, "pod", "port", "ports belong to the pod", hint, error)
                    : 0;
        return r < 0 ? r
                     : check_alone(a, "pod", "links and addresses belong to the pod", hint, error);
}

/* @name is given without what it needs, which @what says and @hint makes. */
static int missing(const Assignments *a, const char *name, const char *what, const char *hint,
                   Error *error)
{
        _cleanup_buffer_ Buffer given = BUFFER_NULL;
        int r;

        settings_describe(a, name, &given);
        r = error_set(error, EINVAL, "%s needs %s", given.data ?: name, what);
        error_hint(error, "%s", hint);
        return r;
}

static int check_links(const Assignments *a, const Settings *s, Error *error)
{
        static const char *const of_links[] = { "network-address", "network-gateway", "network-dns",
                                                "network-mtu" };
        bool veth = s->network_veth || s->network_bridge || s->network_zone;
        bool any = veth || s->network_macvlan.n > 0 || s->network_ipvlan.n > 0 ||
                   s->network_interfaces.n > 0 || s->network_veth_extra.n > 0;

        if (s->network_bridge && s->network_zone)
                return settings_conflict(a, "network-bridge", "network-zone",
                                         "the link is put into one bridge", "drop one of them",
                                         error);
        if (asks(a, "port") && !veth)
                return missing(a, "port", "a virtual Ethernet link", "VirtualEthernet=yes", error);
        if (asks(a, "network-bandwidth-max") && !veth)
                return missing(a, "network-bandwidth-max", "a virtual Ethernet link",
                               "VirtualEthernet=yes", error);
        if (asks(a, "network-mac-address") && !veth && s->network_macvlan.n == 0)
                return missing(a, "network-mac-address", "a virtual Ethernet or macvlan link",
                               "VirtualEthernet=yes", error);
        for (size_t i = 0; !any && i < ELEMENTSOF(of_links); i++)
                if (asks(a, of_links[i]))
                        return missing(a, of_links[i], "a link",
                                       "VirtualEthernet=yes, or Bridge=, Zone=, MACVLAN=, IPVLAN= "
                                       "or Interface=",
                                       error);
        return 0;
}

static bool is_reachable(const AddressSettings *networks, const AddressSetting *gateway)
{
        if (gateway->family == AF_INET6 && address_setting_is_link_local(gateway))
                return true;
        for (size_t i = 0; i < networks->n; i++)
                if (address_setting_contains(&networks->items[i], gateway))
                        return true;
        return false;
}

static bool is_listed(const AddressSettings *list, const AddressSetting *address)
{
        for (size_t i = 0; i < list->n; i++)
                if (address_setting_equal(&list->items[i], address))
                        return true;
        return false;
}

/* The item that gave the gateway of @family, for the place in the message. */
static const char *gateway_origin(const Assignments *a, int family)
{
        const Option *o = option_by_name("network-gateway");

        for (size_t i = a->n; i > 0; i--) {
                const Assignment *item = &a->items[i - 1];

                if (item->option == o && item->value && *item->value &&
                    !strchr(item->value, ':') == (family == AF_INET))
                        return item->origin;
        }
        return "Gateway=";
}

static int check_gateway(const Assignments *a, const Settings *s, const AddressSetting *gateway,
                         Error *error)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        const char *origin = gateway_origin(a, gateway->family);
        int r;

        if (gateway->family == AF_UNSPEC)
                return 0;
        address_setting_format(gateway, &text);
        if (is_listed(&s->network_addresses, gateway))
                r = error_set(error, EINVAL,
                              "%s: the gateway %s is the address of the machine itself", origin,
                              text.data ?: "");
        else if (!is_reachable(&s->network_addresses, gateway))
                r = error_set(error, EINVAL,
                              "%s: the gateway %s is in no network of Address=", origin,
                              text.data ?: "");
        else
                return 0;
        error_hint(error, "%s",
                   gateway->family == AF_INET
                           ? "Address=192.0.2.5/24 and Gateway=192.0.2.1, of the same network"
                           : "Address=2001:db8::5/64 and Gateway=2001:db8::1, or a gateway of "
                             "fe80::/10");
        return r;
}

static int check_addresses(const Assignments *a, const Settings *s, Error *error)
{
        int r = check_gateway(a, s, &s->gateway_ipv4, error);

        if (r >= 0)
                r = check_gateway(a, s, &s->gateway_ipv6, error);
        if (r < 0)
                return r;
        for (size_t i = 0; i < s->network_addresses.n; i++)
                if (s->network_mtu > 0 && s->network_mtu < IPV6_MTU_MIN &&
                    s->network_addresses.items[i].family == AF_INET6)
                        return settings_conflict(a, "network-mtu", "network-address",
                                                 "IPv6 needs packets of 1280 bytes", "MTU=1280",
                                                 error);
        for (size_t i = 0; i < s->service_addresses.n; i++) {
                _cleanup_buffer_ Buffer text = BUFFER_NULL;

                if (!is_listed(&s->network_addresses, &s->service_addresses.items[i]))
                        continue;
                address_setting_format(&s->service_addresses.items[i], &text);
                return error_set(error, EINVAL,
                                 "%s is given by both ServiceAddress= and Address=; drop one of "
                                 "them",
                                 text.data ?: "");
        }
        return 0;
}

int settings_network_check(const Assignments *a, const Settings *s, Error *error)
{
        int r = check_shared(a, s, error);

        if (r >= 0)
                r = check_links(a, s, error);
        return r < 0 ? r : check_addresses(a, s, error);
}

void settings_network_imply(Settings *s)
{
        if (s->network_bridge || s->network_zone)
                s->network_veth = true;
        if (s->network_veth || s->network_veth_extra.n > 0 || s->network_interfaces.n > 0 ||
            s->network_macvlan.n > 0 || s->network_ipvlan.n > 0)
                s->private_network = true;
}
