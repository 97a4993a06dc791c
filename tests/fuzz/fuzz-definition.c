/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes as a definition: the first one chooses the dialect. Whatever is accepted must also
 * apply and print. */

#include "config/definition.h"
#include "fuzz.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_definition_ Definition *d = calloc(1, sizeof(*d));
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        _cleanup_settings_ Settings *settings = NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_buffer_ Buffer text = BUFFER_NULL;

        if (!d || size == 0 ||
            definition_parse(d, "f", (const char *)data + 1, size - 1,
                             (DefinitionDialect)(data[0] % _DEFINITION_DIALECT_MAX),
                             &diagnostics) < 0)
                return 0;
        (void)diagnostics_first(&diagnostics, &error);
        if (settings_from_assignments(&d->assignments, &settings, NULL) < 0)
                return 0;
        for (size_t i = 0; i < option_count; i++)
                if (option_table[i].format)
                        (void)option_table[i].format(&option_table[i], settings, &text);
        return 0;
}
