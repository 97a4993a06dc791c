/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Interface names and pairs of them; MAC addresses. */

#include "config/link-setting.h"

#include "base/parse.h"
#include "base/strv.h"

#include <ctype.h>
#include <net/if.h>
#include <string.h>

#define ZONE_PREFIX "vz-"

void link_pairs_done(LinkPairs *p)
{
        for (size_t i = 0; i < p->n; i++) {
                free(p->items[i].host);
                free(p->items[i].inside);
        }
        free(p->items);
        *p = (LinkPairs){};
}

int link_name_check(const char *name, Error *error)
{
        if (link_name_is_valid(name))
                return 0;
        return error_set(error, EINVAL,
                         "'%.32s' is not the name of an interface; allowed are 1 to %d characters "
                         "without blanks, ':', '/' and '%%', not only digits, such as eth0",
                         name, IFNAMSIZ - 1);
}

int link_zone_check(const char *name, Error *error)
{
        char bridge[IFNAMSIZ + sizeof(ZONE_PREFIX)];

        (void)snprintf(bridge, sizeof(bridge), ZONE_PREFIX "%s", name);
        if (*name && link_name_is_valid(bridge))
                return 0;
        return error_set(error, EINVAL,
                         "'%.32s' is not the name of a zone; allowed are 1 to %zu characters "
                         "without blanks, ':', '/' and '%%', such as web",
                         name, IFNAMSIZ - sizeof(ZONE_PREFIX));
}

static bool host_is_listed(const LinkPairs *p, const char *host)
{
        for (size_t i = 0; i < p->n; i++)
                if (strcmp(p->items[i].host, host) == 0)
                        return true;
        return false;
}

static int add_pair(LinkPairs *p, const char *word, Error *error)
{
        const char *colon = strchr(word, ':');
        _cleanup_free_ char *host = strndup(word, strcspn(word, ":")), *inside = NULL;
        LinkPair *grown;
        int r;

        inside = colon ? strdup(colon + 1) : NULL;
        if (!host || (colon && !inside))
                return -ENOMEM;
        r = link_name_check(host, error);
        if (r >= 0 && inside)
                r = link_name_check(inside, error);
        if (r < 0)
                return r;
        if (host_is_listed(p, host))
                return error_set(error, EINVAL, "'%s' is there already; name it once", host);
        grown = reallocarray(p->items, p->n + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        p->items = grown;
        grown[p->n++] = (LinkPair){ .host = TAKE_PTR(host), .inside = TAKE_PTR(inside) };
        return 0;
}

int link_pairs_parse(const char *text, LinkPairs *p, Error *error)
{
        _cleanup_strv_ char **words = NULL;
        int r = strv_split(text, " \t", &words);

        if (r >= 0 && !words)
                return error_set(error, EINVAL,
                                 "names no interface; write HOST or HOST:INSIDE, "
                                 "such as eth1:lan");
        STRV_FOREACH (word, words)
                r = r >= 0 ? add_pair(p, *word, error) : r;
        return r;
}

void link_pairs_format(const LinkPairs *p, Buffer *out)
{
        for (size_t i = 0; i < p->n; i++) {
                buffer_printf(out, "%s%s", i > 0 ? "\n" : "", p->items[i].host);
                if (p->items[i].inside)
                        buffer_printf(out, ":%s", p->items[i].inside);
        }
}

bool mac_address_is_null(const MacAddress *mac)
{
        static const MacAddress null;

        return memcmp(mac, &null, sizeof(null)) == 0;
}

static int hex_digit(char c)
{
        return isdigit((unsigned char)c)    ? c - '0'
               : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
                                            : -1;
}

static bool read_bytes(const char *text, MacAddress *mac)
{
        char separator = strchr(text, '-') ? '-' : ':';

        for (int i = 0; i < 6; i++, text += 3) {
                int high = hex_digit(text[0]), low = high < 0 ? -1 : hex_digit(text[1]);

                if (low < 0 || text[2] != (i < 5 ? separator : '\0'))
                        return false;
                mac->bytes[i] = (uint8_t)(high << 4 | low);
        }
        return true;
}

int mac_address_parse(const char *text, MacAddress *ret, Error *error)
{
        MacAddress mac = {};

        if (!read_bytes(text, &mac))
                return error_set(error, EINVAL,
                                 "not a MAC address; allowed are six hexadecimal bytes, such as "
                                 "02:00:5e:00:53:01");
        if (mac.bytes[0] & 1) /* IEEE 802: the bit that is sent first */
                return error_set(error, EINVAL,
                                 "the MAC address of a group; the first byte of one host's is "
                                 "even, such as 02:00:5e:00:53:01");
        if (mac_address_is_null(&mac))
                return error_set(error, EINVAL,
                                 "no host's MAC address; write one such as 02:00:5e:00:53:01");
        *ret = mac;
        return 0;
}

void mac_address_format(const MacAddress *mac, Buffer *out)
{
        if (mac_address_is_null(mac))
                return;
        for (int i = 0; i < 6; i++)
                buffer_printf(out, "%s%02x", i > 0 ? ":" : "", mac->bytes[i]);
}
