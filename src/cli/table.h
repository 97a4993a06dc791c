/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a verb prints: rows under upper-case heads, aligned for people, or the same as a JSON array
 * of objects for programs. One set of cells serves both, so they cannot differ. */

#include "cli/color.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct Column {
        const char *head; /* NULL: only in JSON */
        const char *key;
        bool right; /* numbers line up on the right */
} Column;

typedef struct Table Table;

#define _cleanup_table_ _cleanup_(table_freep)
/* @columns outlives the table. NULL on out of memory, which all calls below take. */
Table *table_new(const Column *columns, size_t n);
Table *table_free(Table *t);
static inline void table_freep(Table **t)
{
        *t = table_free(*t);
}

/* The next cell, row by row. @text NULL is shown as "-" and null; @value (taken, also on failure)
 * is the JSON value, NULL: the text. */
void table_add(Table *t, const char *text, json_t *value_take);
void table_add_color(Table *t, const char *text, Color color);
size_t table_rows(const Table *t);

/* The rows as a JSON array; a new reference, NULL on out of memory. */
json_t *table_to_json(const Table *t);
/* To stdout. 0 or -ENOMEM. */
int table_print(const Table *t, bool json);

/* Prints a JSON value with a newline: indented on a terminal, else on one line. */
int json_print_take(json_t *value);
