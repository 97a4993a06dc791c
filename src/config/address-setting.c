/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses as text and back, and the few questions that definitions ask about them. */

#include "config/address-setting.h"

#include "base/parse.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#define EXAMPLE "192.0.2.5/24 or 2001:db8::5/64"

void address_settings_done(AddressSettings *a)
{
        free(a->items);
        *a = (AddressSettings){};
}

int address_settings_add(AddressSettings *a, const AddressSetting *address)
{
        AddressSetting *grown;

        for (size_t i = 0; i < a->n; i++)
                if (address_setting_equal(&a->items[i], address) &&
                    a->items[i].prefix == address->prefix)
                        return 0;
        grown = reallocarray(a->items, a->n + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        a->items = grown;
        grown[a->n++] = *address;
        return 0;
}

/* How many bits an address of @family has. */
static unsigned family_bits(int family)
{
        return family == AF_INET ? 32 : 128;
}

const char *address_family_name(int family)
{
        return family == AF_INET ? "IPv4" : "IPv6";
}

int address_setting_parse(const char *text, AddressSetting *ret, Error *error)
{
        AddressSetting a = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };
        unsigned bits = family_bits(a.family);
        size_t n = strcspn(text, "/");
        char address[INET6_ADDRSTRLEN];
        uint32_t prefix = bits;

        (void)snprintf(address, sizeof(address), "%.*s", (int)MIN_OF(n, sizeof(address) - 1), text);
        if (n >= sizeof(address) || inet_pton(a.family, address, a.bytes) != 1)
                return error_set(error, EINVAL, "not an address such as " EXAMPLE);
        if (text[n] == '/' &&
            (parse_uint32(text + n + 1, &prefix) < 0 || prefix < 1 || prefix > bits))
                return error_set(error, EINVAL,
                                 "'%.20s' is not the size of an %s network; allowed are /1 to /%u, "
                                 "such as " EXAMPLE,
                                 text + n, address_family_name(a.family), bits);
        a.prefix = prefix;
        *ret = a;
        return 0;
}

static bool is_multicast(const AddressSetting *a)
{
        return a->family == AF_INET ? (a->bytes[0] & 0xf0) == 0xe0 : a->bytes[0] == 0xff;
}

static bool is_loopback(const AddressSetting *a)
{
        static const uint8_t loopback[16] = { [15] = 1 };

        return a->family == AF_INET ? a->bytes[0] == 127 : memcmp(a->bytes, loopback, 16) == 0;
}

/* Whether all bits beyond the prefix have the value @set. */
static bool host_bits_are(const AddressSetting *a, bool set)
{
        for (unsigned i = a->prefix; i < family_bits(a->family); i++)
                if (!(a->bytes[i / 8] & 0x80 >> i % 8) == set)
                        return false;
        return true;
}

static int check_unicast(const AddressSetting *a, Error *error)
{
        if (is_multicast(a))
                return error_set(error, EINVAL, "a multicast address; write one of a single host");
        if (address_setting_is_unspecified(a))
                return error_set(error, EINVAL, "stands for every address; write a single one");
        return 0;
}

int address_setting_parse_own(const char *text, AddressSetting *ret, Error *error)
{
        AddressSetting a;
        int r = address_setting_parse(text, &a, error);

        if (r >= 0)
                r = check_unicast(&a, error);
        if (r < 0)
                return r;
        if (is_loopback(&a))
                return error_set(error, EINVAL,
                                 "a loopback address, which every machine has; write one such "
                                 "as " EXAMPLE);
        /* RFC 3021: of two addresses both are hosts'. In IPv6 the first one is the routers'. */
        if (a.prefix < family_bits(a.family) - 1 && host_bits_are(&a, false))
                return error_set(error, EINVAL,
                                 "the network itself, not an address in it; write one such "
                                 "as " EXAMPLE);
        if (a.family == AF_INET && a.prefix < 31 && host_bits_are(&a, true))
                return error_set(error, EINVAL,
                                 "the broadcast address of its network; write one such "
                                 "as " EXAMPLE);
        *ret = a;
        return 0;
}

int address_setting_parse_peer(const char *text, AddressSetting *ret, Error *error)
{
        AddressSetting a;
        int r;

        if (strchr(text, '/'))
                return error_set(error, EINVAL,
                                 "not a single address; write it without '/', such as 192.0.2.1 or "
                                 "2001:db8::1");
        r = address_setting_parse(text, &a, error);
        if (r >= 0)
                r = check_unicast(&a, error);
        if (r >= 0)
                *ret = a;
        return r;
}

int address_setting_parse_network(const char *text, AddressSetting *ret, Error *error)
{
        AddressSetting a;
        int r = address_setting_parse(text, &a, error);

        if (r < 0)
                return r;
        if (!host_bits_are(&a, false))
                return error_set(error, EINVAL, "not a network: there are bits set beyond its /%u",
                                 a.prefix);
        *ret = a;
        return 0;
}

bool address_setting_equal(const AddressSetting *a, const AddressSetting *b)
{
        return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool address_setting_contains(const AddressSetting *network, const AddressSetting *address)
{
        unsigned whole = network->prefix / 8, rest = network->prefix % 8;

        if (network->family != address->family ||
            memcmp(network->bytes, address->bytes, whole) != 0)
                return false;
        return rest == 0 ||
               ((network->bytes[whole] ^ address->bytes[whole]) & (0xff00 >> rest) & 0xff) == 0;
}

bool address_setting_is_link_local(const AddressSetting *a)
{
        return a->family == AF_INET ? a->bytes[0] == 169 && a->bytes[1] == 254
                                    : a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
}

bool address_setting_is_unspecified(const AddressSetting *a)
{
        static const uint8_t zero[16] = {};

        return memcmp(a->bytes, zero, sizeof(zero)) == 0;
}

void address_setting_format(const AddressSetting *a, Buffer *out)
{
        char text[INET6_ADDRSTRLEN];

        if (a->family == AF_UNSPEC || !inet_ntop(a->family, a->bytes, text, sizeof(text)))
                return;
        buffer_puts(out, text);
        if (a->prefix < family_bits(a->family))
                buffer_printf(out, "/%u", a->prefix);
}
