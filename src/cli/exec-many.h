/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One command in several machines at once, their output kept apart by name. */

#include "machine/enter.h"

#include <stdbool.h>

/* @request: without stdio. Prints each line with the machine's name before it and at the end a
 * table of exit statuses; with @json one array with everything instead. Returns 0 if the command
 * succeeded everywhere, else the highest status. */
int exec_many(char *const *names, EnterRequest *request, bool json, Error *error);
