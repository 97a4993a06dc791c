/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How long names of links become short. Must not know more of a link than whether it is there. */

#include "network/link-name.h"

#include "base/siphash.h"

#include <errno.h>
#include <string.h>

#define KEPT 11 /* characters of a long name that stay */

/* systemd's key for this hash (src/shared/netif-util.c), so that a machine's link keeps its name
 * when its user comes from systemd-nspawn */
static const uint8_t shorten_key[16] = {
        0xe1, 0x90, 0xa4, 0x04, 0xa8, 0xef, 0x4b, 0x51,
        0x8c, 0xcc, 0xc3, 0x3a, 0x9f, 0x11, 0xfc, 0xa2,
};

/* The lowest 24 bits of the hash, six bits a character, in the alphabet of RFC 4648 section 5. */
static void shorten(const char *full, char ret[static IFNAMSIZ])
{
        static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                       "0123456789-_";
        uint64_t hash;
        SipHash h;

        siphash_init(&h, shorten_key);
        siphash_add(&h, full, strlen(full));
        hash = siphash_end(&h);
        memcpy(ret, full, KEPT);
        for (unsigned i = 0; i < 4; i++)
                ret[KEPT + i] = alphabet[hash >> (18 - 6 * i) & 63];
        ret[KEPT + 4] = '\0';
}

int link_name_make(const char *prefix, const char *rest, LinkName *ret)
{
        LinkName made = {};
        int n = snprintf(made.altname, sizeof(made.altname), "%s%s", prefix, rest);

        if (n < 0 || (size_t)n >= sizeof(made.altname))
                return -ENAMETOOLONG;
        if (!link_altname_is_valid(made.altname))
                return -EINVAL;
        if (n < IFNAMSIZ) {
                memcpy(made.name, made.altname, (size_t)n + 1);
                made.altname[0] = '\0';
        } else {
                shorten(made.altname, made.name);
        }
        *ret = made;
        return made.altname[0] != '\0';
}

bool link_name_find_end(const char *machine, LinkName *ret)
{
        static const char *const prefixes[] = { LINK_PREFIX_VETH, LINK_PREFIX_BRIDGED };

        for (size_t i = 0; i < ELEMENTSOF(prefixes); i++) {
                LinkName link;

                if (link_name_make(prefixes[i], machine, &link) < 0 ||
                    if_nametoindex(link.name) == 0)
                        continue;
                if (ret)
                        *ret = link;
                return true;
        }
        return false;
}
