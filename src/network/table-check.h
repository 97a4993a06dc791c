/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether the host's table is there and as it should be, at the cost of one question a chain.
 * Elements are not looked at: who deletes a single one of them by hand is obeyed. */

/* A socket for table_is_sound(). Whoever closes it while the kernel still frees what was just
 * deleted from any table waits for that, some ten milliseconds: not under a lock. -EPERM without
 * CAP_NET_ADMIN is told by the first question only; -EOPNOTSUPP where the kernel has no netfilter.
 */
int table_check_open(void);

/* Whether there is a table of that name, sound or not. */
int table_exists(int fd);
/* 1: sound; 0: missing, of another version, or chains or rules of it are gone. -EPERM without
 * CAP_NET_ADMIN, -EOPNOTSUPP where the kernel has no nf_tables. */
int table_is_sound(int fd);
