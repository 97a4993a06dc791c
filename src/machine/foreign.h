/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Programs of trees that are not for this host's processor, and what runs them. */

#include "base/error.h"
#include "os/binfmt.h"

/* The handler for a program that begins with these bytes, which is the file @program of the tree
 * @directory. -ENOEXEC: the host cannot run it, and the error says what to do. 0 without a handler
 * (its name is NULL): it needs none, or whether there is one cannot be seen from here. */
int foreign_find_handler(const char *directory, const char *program, const void *header, size_t n,
                         BinfmtHandler *ret, Error *error);
