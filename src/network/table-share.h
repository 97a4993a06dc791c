/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The usual changes of the host's table, straight through netlink: the elements of one machine come
 * or go while all else is as it should be. Whatever is not usual (no table yet, another version,
 * elements that do not fit, what a killed run left) is for the program stead-firewall, which
 * replaces the table; it takes some ten milliseconds where this takes one. */

#include "network/published.h"

/* Adds what @machine's file publishes, and opens the way to loopback addresses: 1. 0: run
 * `stead-firewall add`, which also says what is wrong. Waits for the lock. */
int table_share_add(int dirfd, int fd, const char *machine);
/* Takes it out of the table, and removes the file: 1. 0: run `stead-firewall remove`. */
int table_share_remove(int dirfd, int fd, const char *machine);
