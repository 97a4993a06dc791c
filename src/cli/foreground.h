/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A machine in the foreground: what boot, run and plan have in common. */

#include "cli/arguments.h"

/* Becomes the launcher with the options that were passed through, @option (may be NULL), the named
 * machine or directory, and the command. Returns only on failure. */
int foreground_launch(const Arguments *a, const char *option, Error *error);
