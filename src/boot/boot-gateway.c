/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looks at the host's end whenever an address of it changes. */

#include "boot/boot-gateway.h"

#include "boot/boot.h"
#include "network/networkd.h"
#include "os/clock.h"

/* who takes an address away takes routes as well, maybe later */
#define LOOKS 2
#define AGAIN_USEC USEC_PER_SEC

uint64_t boot_gateway_watch(Boot *b)
{
        BootNetwork *n = &b->network;
        const Network *network = boot_network(b);

        if (!network || !network_is_routed(network) ||
            network->addressing == NETWORK_ADDRESSING_NETWORKD)
                return USEC_INFINITY;
        if (address_watch_open(-EBADF, -EBADF, network_host_link(network->plan), &n->gateway) < 0 ||
            !networkd_runs())
                return USEC_INFINITY;
        n->gateway_looks = 1; /* a bridge that is new has been networkd's before we listened */
        return AGAIN_USEC;
}

void boot_gateway_drain(Boot *b)
{
        (void)address_watch_drain(&b->network.gateway);
        b->network.gateway_looks = LOOKS;
}

/* Of several machines on a bridge one is the first to put the gateway back, so routes are looked
 * after whether that is there or not. */
uint64_t boot_gateway_update(Boot *b)
{
        BootNetwork *n = &b->network;
        const Network *network = boot_network(b);

        if (!network)
                return USEC_INFINITY;
        if (network_mend_outside(network, n->gateway.index))
                n->gateway_looks = LOOKS;
        return --n->gateway_looks > 0 ? AGAIN_USEC : USEC_INFINITY;
}
