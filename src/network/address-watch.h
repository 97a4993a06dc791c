/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Says when addresses of a link change that somebody else gives: a DHCP client in a machine, or
 * systemd-networkd at the host's end. Must not know what the addresses are for. */

#include "os/address.h"

#include <errno.h>

typedef struct AddressWatch {
        int fd;       /* readable when an address of the link comes or goes */
        int query_fd; /* for address_watch_list() */
        int index;    /* of the link */
} AddressWatch;

#define ADDRESS_WATCH_NULL ((AddressWatch){ .fd = -EBADF, .query_fd = -EBADF })

/* Of @link in the network namespace of @netns_fd, which @home_fd, the caller's own, is returned to;
 * @netns_fd < 0: in the caller's own. -ENODEV: there is no such link. -ENOTRECOVERABLE: the caller
 * is in the other namespace and cannot come back. */
int address_watch_open(int netns_fd, int home_fd, const char *link, AddressWatch *ret);
void address_watch_done(AddressWatch *watch);

/* Forgets what was told so far; to be called before address_watch_list(). Returns whether there was
 * anything. */
bool address_watch_drain(AddressWatch *watch);
/* The addresses that others can reach it by: of more than link scope, and known to be unique. */
int address_watch_list(const AddressWatch *watch, LinkAddresses *ret);
