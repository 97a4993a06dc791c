/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Tells when somebody takes our nftables table away or parts of it, as `nft flush ruleset` and some
 * firewalls do at a reload. One socket for the event loop of a supervisor. */

#include <errno.h>

typedef struct TableWatch {
        int fd; /* readable: call table_watch_drain() */
        int check_fd;
} TableWatch;

#define TABLE_WATCH_NULL ((TableWatch){ .fd = -EBADF, .check_fd = -EBADF })

/* For the network namespace we are in. -EPERM without CAP_NET_ADMIN, -EOPNOTSUPP where the kernel
 * has no nf_tables. */
int table_watch_open(TableWatch *ret);
void table_watch_done(TableWatch *watch);

/* Reads all there is. 1: our table has lost something and is not as it should be at this moment;
 * run `stead-firewall restore`. 0: it is, since nobody touched it or somebody restored it.
 * Deletions that were too many to be told count as ours. */
int table_watch_drain(TableWatch *watch);
