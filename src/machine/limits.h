/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The [Resources] of a machine on a host without systemd: written to the files of the cgroup that
 * holds it, with the meaning that systemd gives them. */

#include "config/diagnostics.h"
#include "config/resource.h"

/* Writes one value. -EOPNOTSUPP if there is no file for this key (only systemd can do it), -ENOENT
 * if the cgroup does not have the controller. */
int limits_write(int cgroup_fd, const ResourceValue *value, Error *error);

/* Writes them all, in the right order. What cannot be done is a warning in @diagnostics and does
 * not keep the rest from being written. Fails for lack of memory only. */
int limits_write_all(int cgroup_fd, const ResourceValues *values, Diagnostics *diagnostics);

/* Reads one value back. -ENODATA if there is no file for it. */
int limits_read(int cgroup_fd, const ResourceKey *key, ResourceValue *ret, Error *error);
/* Makes a declared value comparable with one that was read: a percentage becomes the number that it
 * stands for, and if @devices, each device the one that limits_read() names. */
int limits_resolve(ResourceValue *v, bool devices);
/* The number itself, or what a percentage of memory or tasks is on this host. */
uint64_t limits_amount(const ResourceValue *v);
/* What io.max or io.latency calls the key: "rbps". NULL for a weight. */
const char *limits_io_word(const ResourceKey *key);
