/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* stead-firewall, which keeps the host's nftables table equal to what the files of
 * network/published.h say. It runs beside its caller and says itself what went wrong. */

#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

/* @verb: "add" or "remove" with the @name of a machine or pod, "restore" with NULL. */
int firewall_begin(pid_t *ret, const char *verb, const char *name, Error *error);
/* Waits for the end of *pid, if that is not 0, and makes it 0. Whether it went well. */
bool firewall_end(pid_t *pid);
