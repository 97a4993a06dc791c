/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any lines as resource keys and their values, several of a key added up as a definition does. */

#include "config/resource.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_resource_values_ ResourceValues values = RESOURCE_VALUES_NULL;
        _cleanup_free_ char *text = strndup((const char *)data, size);
        char *save = NULL;

        for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line;
             line = strtok_r(NULL, "\n", &save)) {
                _cleanup_error_ Error error = ERROR_NULL;
                char *equals = strchr(line, '=');

                if (!equals)
                        continue;
                *equals = '\0';
                if (resource_values_assign(&values, line, equals + 1, &error) < 0 &&
                    error.number == 0)
                        abort(); /* a refusal says why */
        }
        for (size_t i = 0; i < values.n; i++)
                if (!resource_signature(&values.items[i]))
                        abort();
        return 0;
}
