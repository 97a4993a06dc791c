/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Numbers in the files of a control group. */

#include <stdint.h>

#define CGROUP_NO_NUMBER UINT64_MAX

/* The number in a file of one; CGROUP_NO_NUMBER for "max", and where there is no such file. */
uint64_t cgroup_read_number(int cgroup_fd, const char *file);
/* The value of @key among lines "KEY VALUE"; CGROUP_NO_NUMBER if it is not among them. */
uint64_t cgroup_keyed_number(const char *text, const char *key);
