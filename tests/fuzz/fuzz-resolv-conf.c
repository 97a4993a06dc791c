/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any text as resolv.conf. */

#include "fuzz.h"
#include "network/resolv-conf.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_free_ char *text = strndup((const char *)data, size);
        SocketAddress servers[RESOLV_CONF_SERVERS];
        size_t n = text ? resolv_conf_parse(text, servers) : 0;

        if (n > RESOLV_CONF_SERVERS)
                abort();
        for (size_t i = 0; i < n; i++)
                if (socket_address_size(&servers[i]) < sizeof(servers[i].v4))
                        abort();
        return 0;
}
