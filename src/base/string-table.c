/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of enumerators. */

#include "base/string-table.h"

#include "base/buffer.h"

#include <errno.h>
#include <string.h>

const char *string_table_name(const StringTable *table, int value)
{
        return value >= 0 && value < table->count ? table->names[value] : NULL;
}

int string_table_value(const StringTable *table, const char *s)
{
        for (int i = 0; i < table->count; i++)
                if (table->names[i] && strcmp(table->names[i], s) == 0)
                        return i;
        return -EINVAL;
}

char *string_table_choices(const StringTable *table)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;

        for (int i = 0; i < table->count; i++)
                if (table->names[i])
                        buffer_printf(&text, "%s%s",
                                      text.size == 0          ? ""
                                      : i == table->count - 1 ? " or "
                                                              : ", ",
                                      table->names[i]);
        return buffer_steal(&text);
}
