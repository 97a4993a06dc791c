/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Forwarding for links that were not there, or not in use, when the machine started. */

#include "boot/boot-uplink.h"

#include "base/cleanup.h"
#include "boot/boot.h"
#include "machine/firewall.h"
#include "network/forwarding.h"
#include "network/uplink-watch.h"

void boot_uplink_watch(Boot *b)
{
        const Network *network = boot_network(b);

        if (network && network_is_routed(network) && (b->network.forwards || b->network.member.pod))
                b->network.uplink_fd = uplink_watch_open(&network->gateway4, &network->gateway6);
}

void boot_uplink_drain(Boot *b)
{
        uplink_watch_drain(b->network.uplink_fd);
}

/* Each launcher does it, and the first one has done it. As at a start: recorded, guarded, made. */
void boot_uplink_update(Boot *b)
{
        _cleanup_forwarding_record_ ForwardingRecord uplinks = FORWARDING_RECORD_NULL;
        _cleanup_error_ Error cause = ERROR_NULL;
        const Network *network = boot_network(b);
        pid_t firewall = 0;

        if (!network)
                return;
        if (forwarding_plan(network_host_link(network->plan), &uplinks, &cause) < 0) {
                boot_network_warn(b, &cause);
                return;
        }
        if (uplinks.n_changes > 0 && firewall_begin(&firewall, "restore", NULL, &cause) >= 0 &&
            firewall_end(&firewall))
                (void)forwarding_make(&uplinks, &cause);
        if (cause.number != 0)
                boot_network_warn(b, &cause);
}
