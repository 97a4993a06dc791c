/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* IP addresses of a running machine, seen from outside by joining its network namespace. */

#include "machine/machine.h"

/* Texts like "10.0.0.5" or "fe80::1%host0", global ones first, without loopback. Empty for a
 * machine that shares the host's network. */
int addresses_of(const Machine *m, char ***ret);
