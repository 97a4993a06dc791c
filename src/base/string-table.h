/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Enumerators and their names. One table per enum serves parsing, printing and `help` values. */

#include <stddef.h>

typedef struct StringTable {
        const char *const *names; /* indexed by enumerator; NULL holes are not valid values */
        int count;
} StringTable;

/* Declares x_to_string() and x_from_string() and the table itself. */
#define DECLARE_STRING_TABLE(prefix, type)          \
        extern const StringTable prefix##_table;    \
        const char *prefix##_to_string(type value); \
        type prefix##_from_string(const char *s)

#define DEFINE_STRING_TABLE(prefix, type, ...)                                          \
        static const char *const prefix##_names[] = { __VA_ARGS__ };                    \
        const StringTable prefix##_table = { prefix##_names,                            \
                                             sizeof(prefix##_names) / sizeof(char *) }; \
        const char *prefix##_to_string(type value)                                      \
        {                                                                               \
                return string_table_name(&prefix##_table, (int)value);                  \
        }                                                                               \
        type prefix##_from_string(const char *s)                                        \
        {                                                                               \
                return (type)string_table_value(&prefix##_table, s);                    \
        }

/* The name, or NULL if @value is out of range. */
const char *string_table_name(const StringTable *table, int value);
/* The enumerator, or -EINVAL. */
int string_table_value(const StringTable *table, const char *s);
/* "a, b or c", for messages. The caller frees it; NULL on out of memory. */
char *string_table_choices(const StringTable *table);
