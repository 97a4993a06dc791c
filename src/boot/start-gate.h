/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Machines that systemd starts take turns, so that a host with many of them comes up in the time
 * that it needs anyway, and none starves. A start holds one of a few slots, which are locked files
 * in /run/stead/start, from before it takes anything else until the machine is ready; who finds
 * none waits in a queue. While the host is under pressure, one start at a time is let in.
 *
 * It is a courtesy between launchers: whatever goes wrong here, the machine starts. */

#include "config/host-settings.h"

#include <stdbool.h>
#include <stdint.h>

#define START_GATE_DIRECTORY "/run/stead/start"

/* Waits for a slot and returns it: a descriptor to close when the machine is ready, or after
 * *ret_turn_usec if it hangs on something; -EBADF if there is no gate. Tells the service manager
 * what it waits for. A signal ends us meanwhile. */
int start_gate_enter(const char *machine, uint64_t *ret_turn_usec);

/* Parts, for tests. Tries to take one of @parallel slots in @directory_fd; with @alone only if no
 * other is taken. Returns the descriptor, or -EAGAIN and how many are taken. */
int start_gate_try(int directory_fd, unsigned parallel, bool alone, unsigned *ret_taken);
/* What the host is short of, by the files of @directory_fd (/proc/pressure); NULL: nothing. */
const char *start_gate_pressure(int directory_fd, const HostSettings *settings);
