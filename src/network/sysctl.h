/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Settings below /proc/sys/net, of the network namespace of the calling thread. The kernel decides
 * at open() whose namespace /proc/sys/net shows, so every call here opens anew: nothing is kept
 * over a setns(). Names are the files' paths: "ipv4/conf/eth0.7/forwarding", in which a dot of a
 * link's name stays one. */

#include "base/error.h"

#include <stdbool.h>

#define SYSCTL_NET "/proc/sys/net"
#define SYSCTL_NAME_MAX 96 /* the longest of ours, with a link's name of IFNAMSIZ */

/* The value without the line's end; blanks between several values are single spaces. Bare -errno:
 * that a setting is not there (-ENOENT) is often an answer. The caller frees it. */
int sysctl_read(const char *name, char **ret);
/* Whether the value is exactly @value. */
bool sysctl_is(const char *name, const char *value);
/* Fails where a write would because of rights, or of a read-only /proc/sys (-EROFS). */
int sysctl_check_writable(const char *name, const char *value, Error *error);
/* -ENOENT: no such setting (the link is gone, or the kernel has it not); @error is set then, too.
 */
int sysctl_write(const char *name, const char *value, Error *error);
