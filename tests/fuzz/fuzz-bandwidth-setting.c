/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any text as a rate. Whatever is accepted is written so that it is read as the same again. */

#include "config/bandwidth-setting.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_free_ char *text = strndup((const char *)data, size);
        _cleanup_buffer_ Buffer out = BUFFER_NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        BandwidthSetting b, again;

        if (!text)
                return 0;
        if (bandwidth_setting_parse(text, &b, &error) < 0) {
                if (!error.message)
                        abort(); /* a refusal says why */
                return 0;
        }
        bandwidth_setting_format(&b, &out);
        if (!out.data || bandwidth_setting_parse(out.data, &again, NULL) < 0 || b.in != again.in ||
            b.out != again.out)
                abort();
        return 0;
}
