/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any text as a ref: what is taken is written again as it was. */

#include "fuzz.h"
#include "store/ref.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_ref_ Ref parsed = REF_NULL;
        _cleanup_buffer_ Buffer text = BUFFER_NULL;

        if (ref_parse("fuzz", (const char *)data, size, &parsed, NULL) < 0)
                return 0;
        if (ref_write(&parsed, &text) < 0)
                return 0;
        if (text.size != size || memcmp(text.data, data, size) != 0)
                abort();
        return 0;
}
