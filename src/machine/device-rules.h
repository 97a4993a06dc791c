/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The rules of a machine's own device policy, kept beside its state for as long as it runs: a
 * program that is attached to a cgroup cannot be read back as rules, and one more device means a
 * new one. */

#include "machine/machine.h"
#include "os/device-policy.h"

/* Supervisor's side: "devices" in the machine's directory. Bare errno. */
int device_rules_save(const char *machine, const DeviceRule *rules, size_t n);

/* Lets the machine's processes open @device (a path of the host), too, until it ends or is
 * rebooted. -ENOENT: it has no policy of ours. */
int device_rules_allow(const Machine *m, const char *device, bool read_only, Error *error);
