/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Machines that an admin has enabled by `systemctl enable stead@NAME`, with or without a
 * definition. */

/* Their names, sorted, each once. @root is prefixed to the system's directories. */
int enabled_list(const char *root, char ***ret);
