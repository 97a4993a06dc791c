/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values of [Network]: links, addresses, rates and ports, handed to the files that know each of
 * them. What goes together is settings-network.c's. */

#include "base/strv.h"
#include "config/option-parse.h"

#include <netinet/in.h>
#include <string.h>

#define FIELD(settings, option, type) ((type *)(void *)((char *)(settings) + (option)->offset))
#define CONST_FIELD(settings, option, type) \
        ((const type *)(const void *)((const char *)(settings) + (option)->offset))

/* linux/if_ether.h has these as ETH_MIN_MTU and ETH_MAX_MTU, and not with the libc's headers. */
#define MTU_MIN 68U
#define MTU_MAX 65535U

/* A word that another file checks. */
#define DEFINE_CHECKED_WORD(type, check)                                                      \
        int option_parse_##type(const Option *option, const char *value, const char *origin,  \
                                Settings *settings, Error *error)                             \
        {                                                                                     \
                int r = check(value, error);                                                  \
                                                                                              \
                return r < 0 ? r : option_parse_word(option, value, origin, settings, error); \
        }

/* A field that is parsed and written by the file that knows its type. */
#define DEFINE_FIELD(type, Type, parse_text, format_field)                                    \
        int option_parse_##type(const Option *option, const char *value, const char *origin,  \
                                Settings *settings, Error *error)                             \
        {                                                                                     \
                return parse_text(value, FIELD(settings, option, Type), error);               \
        }                                                                                     \
                                                                                              \
        int option_format_##type(const Option *option, const Settings *settings, Buffer *out) \
        {                                                                                     \
                format_field(CONST_FIELD(settings, option, Type), out);                       \
                return buffer_error(out);                                                     \
        }

DEFINE_CHECKED_WORD(link_name, link_name_check)
DEFINE_CHECKED_WORD(zone, link_zone_check)
DEFINE_FIELD(links, LinkPairs, link_pairs_parse, link_pairs_format)
DEFINE_FIELD(mac_address, MacAddress, mac_address_parse, mac_address_format)
DEFINE_FIELD(bandwidth, BandwidthSetting, bandwidth_setting_parse, bandwidth_setting_format)

typedef int (*AddressParse)(const char *text, AddressSetting *ret, Error *error);

/* Words with blanks between; the bad one is named. */
static int add_addresses(AddressSettings *field, AddressParse parse, const char *value,
                         Error *error)
{
        _cleanup_strv_ char **words = NULL;
        int r = strv_split(value, " \t", &words);

        STRV_FOREACH (word, words) {
                AddressSetting address;

                r = parse(*word, &address, error);
                if (r < 0)
                        return words[1] ? error_prefix(error, "'%.64s'", *word) : r;
                r = address_settings_add(field, &address);
                if (r < 0)
                        return r;
        }
        return r;
}

int option_parse_addresses(const Option *option, const char *value, const char *origin,
                           Settings *settings, Error *error)
{
        return add_addresses(FIELD(settings, option, AddressSettings), address_setting_parse_own,
                             value, error);
}

int option_format_addresses(const Option *option, const Settings *settings, Buffer *out)
{
        const AddressSettings *a = CONST_FIELD(settings, option, AddressSettings);

        for (size_t i = 0; i < a->n; i++) {
                buffer_puts(out, i > 0 ? "\n" : "");
                address_setting_format(&a->items[i], out);
        }
        return buffer_error(out);
}

int option_parse_peers(const Option *option, const char *value, const char *origin,
                       Settings *settings, Error *error)
{
        return add_addresses(FIELD(settings, option, AddressSettings), address_setting_parse_peer,
                             value, error);
}

int option_parse_gateway(const Option *option, const char *value, const char *origin,
                         Settings *settings, Error *error)
{
        _cleanup_buffer_ Buffer other = BUFFER_NULL;
        AddressSetting a, *field;
        int r = address_setting_parse_peer(value, &a, error);

        if (r < 0)
                return r;
        field = a.family == AF_INET ? &settings->gateway_ipv4 : &settings->gateway_ipv6;
        if (field->family != AF_UNSPEC && !address_setting_equal(field, &a)) {
                address_setting_format(field, &other);
                r = error_set(error, EINVAL,
                              "a second gateway for %s beside %s; a machine has one of each "
                              "family, drop one of them",
                              address_family_name(a.family), other.data ?: "");
                error_hint(error, "an empty Gateway= before it takes back the first one");
                return r;
        }
        *field = a;
        return 0;
}

int option_format_gateway(const Option *option, const Settings *settings, Buffer *out)
{
        bool both = settings->gateway_ipv4.family != AF_UNSPEC &&
                    settings->gateway_ipv6.family != AF_UNSPEC;

        address_setting_format(&settings->gateway_ipv4, out);
        buffer_puts(out, both ? "\n" : "");
        address_setting_format(&settings->gateway_ipv6, out);
        return buffer_error(out);
}

int option_parse_mtu(const Option *option, const char *value, const char *origin,
                     Settings *settings, Error *error)
{
        uint32_t mtu;

        if (parse_uint32(value, &mtu) < 0 || mtu < MTU_MIN || mtu > MTU_MAX)
                return error_set(error, EINVAL,
                                 "not the size of a packet; allowed are %u to %u bytes, such as "
                                 "1500",
                                 MTU_MIN, MTU_MAX);
        *FIELD(settings, option, uint32_t) = mtu;
        return 0;
}

int option_format_mtu(const Option *option, const Settings *settings, Buffer *out)
{
        uint32_t mtu = *CONST_FIELD(settings, option, uint32_t);

        if (mtu > 0)
                buffer_printf(out, "%u", mtu);
        return buffer_error(out);
}

int option_parse_port(const Option *option, const char *value, const char *origin,
                      Settings *settings, Error *error)
{
        return port_settings_add(&settings->ports, value, origin, error);
}

int option_format_port(const Option *option, const Settings *settings, Buffer *out)
{
        for (size_t i = 0; i < settings->ports.n; i++) {
                buffer_puts(out, i > 0 ? "\n" : "");
                port_setting_format(&settings->ports.items[i], out);
        }
        return buffer_error(out);
}
