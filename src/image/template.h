/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A tree that is made from another one when it is first needed. */

#include "base/error.h"

/* Makes the tree @directory, which does not exist, as a copy of @template_path with an identity of
 * its own. It is there as a whole or not at all. @machine: its host name. */
int template_copy(const char *template_path, const char *directory, const char *machine,
                  Error *error);
