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
