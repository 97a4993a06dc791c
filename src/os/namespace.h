/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Joining the namespaces of another process. */

#include <sys/types.h>

/* The CLONE_NEW* bits of the kinds in which @pid lives elsewhere than we do. */
int namespace_difference(pid_t pid, int *ret_flags);
/* Joins them all at once (5.8+); a pid namespace is for the next child. */
int namespace_join(int pid_fd, int flags);
