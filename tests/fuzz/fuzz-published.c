/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any text as a file of /run/stead/network; what is taken is written and read back as the same. */

#include "fuzz.h"
#include "network/published.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_published_ Published p = PUBLISHED_NULL, q = PUBLISHED_NULL;
        _cleanup_free_ char *text = strndup((const char *)data, size), *first = NULL,
                            *second = NULL;
        _cleanup_error_ Error error = ERROR_NULL;

        if (!text)
                return 0;
        if (published_parse("m", text, &p, &error) < 0) {
                if (!error.message || p.machine)
                        abort(); /* a refusal says why, and leaves nothing */
                return 0;
        }
        first = published_format(&p);
        if (!first || strpbrk(p.interface, "\"\\;{} *") ||
            published_parse("m", first, &q, NULL) < 0)
                abort();
        second = published_format(&q);
        if (!second || strcmp(first, second) != 0)
                abort();
        return 0;
}
