/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any text as pairs of links and as a MAC address. Names that are taken have no odd bytes. */

#include "config/link-setting.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_free_ char *text = strndup((const char *)data, size);
        _cleanup_(link_pairs_done) LinkPairs pairs = {};
        _cleanup_buffer_ Buffer out = BUFFER_NULL;
        MacAddress mac, again;

        if (!text)
                return 0;
        (void)link_pairs_parse(text, &pairs, NULL);
        for (size_t i = 0; i < pairs.n; i++)
                if (strpbrk(pairs.items[i].host, " \t\n:/%"))
                        abort();
        (void)link_zone_check(text, NULL);
        if (mac_address_parse(text, &mac, NULL) < 0)
                return 0;
        mac_address_format(&mac, &out);
        if (!out.data || mac_address_parse(out.data, &again, NULL) < 0 ||
            memcmp(&mac, &again, sizeof(mac)) != 0)
                abort();
        return 0;
}
