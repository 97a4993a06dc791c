/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any text as a commit: what is taken is written again as it was. */

#include "fuzz.h"
#include "store/commit.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_commit_ Commit parsed = COMMIT_NULL;
        _cleanup_buffer_ Buffer text = BUFFER_NULL;

        if (commit_parse("fuzz", (const char *)data, size, &parsed, NULL) < 0)
                return 0;
        if (commit_write(&parsed, &text) < 0)
                return 0;
        if (text.size != size || memcmp(text.data, data, size) != 0)
                abort();
        return 0;
}
