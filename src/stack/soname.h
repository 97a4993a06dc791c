/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The libraries that a program or library wants at its start. */

#include "base/strv.h"

/* DT_NEEDED of an ELF file, of any class and processor; nothing for any other file, or for one that
 * is damaged. -ENOMEM. */
int soname_needed(int fd, char ***ret);
