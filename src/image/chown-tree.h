/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Changing the owners of a whole tree on disk, so that they lie in one user range: each id keeps
 * its low 16 bits and gets those of the range above. Only for who asks for it: other tools then see
 * a foreign tree. Mode bits, file capabilities and access control lists are kept. */

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* Owner of the root directory while the work goes on; systemd-nspawn's number for the same. */
#define CHOWN_TREE_BUSY UINT32_C(0xFFFE0000)

/* Whether an earlier run did not come to its end. */
bool chown_tree_is_unfinished(const struct stat *root);

/* Shifts everything below and at @root_fd, within one mount and without following symlinks. @base
 * is a multiple of 65536; 0 undoes an earlier shift. The root directory comes last, after all the
 * rest is on disk: if it has its owner, nothing is done, and a run that was cut short goes on. */
int chown_tree(int root_fd, uint32_t base, Error *error);
