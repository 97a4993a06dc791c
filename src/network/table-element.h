/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Elements of the table's sets and maps, in nft's syntax. */

#include "network/published.h"
#include "network/table-guard.h"

typedef enum TableSet {
        TABLE_SET_PORT4,
        TABLE_SET_PORT6,
        TABLE_SET_BOUND4,
        TABLE_SET_BOUND6,
        TABLE_SET_LINK,
        TABLE_SET_SAME_LINK,
        TABLE_SET_ADDRESS4,
        TABLE_SET_ADDRESS6,
        TABLE_SET_UPLINK4,
        TABLE_SET_UPLINK6,
        TABLE_SET_EVERY,
        _TABLE_SET_MAX,
        _TABLE_SET_INVALID = -EINVAL,
} TableSet;

typedef struct TableElement {
        TableSet set;
        char *key;   /* "tcp . 8080" */
        char *value; /* "100.64.0.2 . 80"; NULL in a set */
        size_t order;
} TableElement;

typedef struct TableElements {
        TableElement *items;
        size_t n, allocated;
} TableElements;

#define TABLE_ELEMENTS_NULL ((TableElements){})
#define _cleanup_table_elements_ _cleanup_(table_elements_done)

void table_elements_done(TableElements *e);

/* Adds all that @p needs in the table. */
int table_elements_add(TableElements *e, const Published *p);
int table_elements_add_guard(TableElements *e, const TableGuard *guard);
/* By set and key; of equal keys only the one that was added first stays. */
void table_elements_sort(TableElements *e);
/* The element of the same set and key in @e, which is sorted, or NULL. */
const TableElement *table_elements_find(const TableElements *e, const TableElement *like);
