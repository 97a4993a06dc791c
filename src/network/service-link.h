/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The link with the service addresses of a pod, which a routing daemon announces while they are
 * there. All by a netlink socket of the pod's network. */

#include "base/error.h"
#include "config/address-setting.h"

#define SERVICE_LINK "service0"

/* Without addresses. -EEXIST: there is one. */
int service_link_make(int route_fd, Error *error);
/* Adds the addresses, or has those that are there stay. After @valid_sec without another call the
 * kernel takes them away, whatever has become of the caller; 0: never. */
int service_link_put(int route_fd, const AddressSettings *addresses, uint32_t valid_sec,
                     Error *error);
/* Takes away what is there of them. For another @linger_sec queries that are on their way are
 * answered, by the addresses on the loopback link, which nobody announces; 0: not at all. */
int service_link_withdraw(int route_fd, const AddressSettings *addresses, uint32_t linger_sec,
                          Error *error);
