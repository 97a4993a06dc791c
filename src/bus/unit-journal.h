/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a unit has said: the lines of its last run in the journal. */

#include "bus/connection.h"

/* Lines of program @identifier in the present or last run of @unit, oldest first, at most @limit of
 * the latest. journald may still be busy with those of a unit that ended just now, so this waits up
 * to @patience_usec for the first. *ret is NULL if there are none. */
int unit_journal_lines(sd_bus *bus, const char *unit, const char *identifier, size_t limit,
                       uint64_t patience_usec, char ***ret, Error *error);
