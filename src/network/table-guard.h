/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where the host's table has to drop what the host would pass on only because forwarding was turned
 * on for machines; an input of the table's text like the files of machines. */

#include "base/error.h"

#include <stdbool.h>

typedef struct TableGuard {
        char **uplinks4, **uplinks6; /* links of which nft can be told by name */
        bool every4, every6;         /* all links but those of machines */
} TableGuard;

#define TABLE_GUARD_NULL ((TableGuard){})
#define _cleanup_table_guard_ _cleanup_(table_guard_done)

void table_guard_done(TableGuard *guard);

/* As forwarding.h has it at this moment. */
int table_guard_read(TableGuard *ret, Error *error);
bool table_guard_equal(const TableGuard *a, const TableGuard *b);
