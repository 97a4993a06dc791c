/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Addresses that stead gives to machines and pods where nobody else does. Each name has the same
 * ones at every start, as far as they are free. The host's end of every link has one address of
 * each family, the gateway; behind it each machine is a route to a single address, so that a pool
 * needs no subnets. */

#include "base/error.h"
#include "base/parse.h"

#include <netinet/in.h>

/* Which name holds an address: links /run/stead/network/.addresses/ADDRESS -> NAME. */
#define ADDRESS_CLAIMS_DIRECTORY "/run/stead/network/.addresses"

typedef struct AddressPool {
        struct in_addr network; /* host bits are zero */
        unsigned bits;          /* of the prefix, 8 to 28 */
        struct in6_addr prefix; /* the first 48 bits */
} AddressPool;

typedef struct AddressPair {
        struct in_addr v4;
        struct in6_addr v6;
} AddressPair;

/* The first address of each family. */
AddressPair address_pool_gateway(const AddressPool *pool);
/* What @name would like to have; each attempt from 0 on gives another one. Never the gateway, nor
 * the first or last address of the pool. */
AddressPair address_pool_candidate(const AddressPool *pool, const char *name, unsigned attempt);

/* Takes the first pair that no other name holds and that no route of the host leads to, but for
 * default routes. @route_fd: netlink socket in the host's network namespace. */
int address_pool_take(const AddressPool *pool, int route_fd, const char *name, AddressPair *ret,
                      Error *error);
/* Gives them back, if they are @name's. */
void address_pool_release(const char *name, const AddressPair *pair);
