/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* MAC addresses that a machine keeps for good on a host: those of systemd-nspawn, so that leases
 * survive the move from there (CI-184). */

#include "base/parse.h"
#include "os/link.h"

typedef enum MacUse {
        MAC_HOST,       /* the host's end of the machine's veth */
        MAC_MACHINE,    /* its end in the machine: host0 */
        MAC_EXTRA_HOST, /* of the further veth @index, counted from 0 */
        MAC_EXTRA_MACHINE,
        MAC_MACVLAN, /* of the macvlan @index, counted from 0 */
        _MAC_USE_MAX,
} MacUse;

/* @host is machine_id_of_host(). */
MacAddress mac_derive(MacUse use, const Id128 *host, const char *machine, uint64_t index);
