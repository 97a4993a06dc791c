/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines of any bytes as ports of one machine. Whatever is accepted is written so that it is read as
 * the same again, and what is the same is fine twice. */

#include "config/port-setting.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_free_ char *text = strndup((const char *)data, size);
        _cleanup_(port_settings_done) PortSettings ports = {};
        size_t n;

        for (char *save = NULL, *w = text ? strtok_r(text, "\n", &save) : NULL; w;
             w = strtok_r(NULL, "\n", &save)) {
                _cleanup_error_ Error error = ERROR_NULL;

                if (port_settings_add(&ports, w, "f", &error) < 0 && !error.message)
                        abort(); /* a refusal says why */
        }
        n = ports.n;
        for (size_t i = 0; i < n; i++) {
                _cleanup_buffer_ Buffer out = BUFFER_NULL;

                port_setting_format(&ports.items[i], &out);
                if (!out.data || port_settings_add(&ports, out.data, "f", NULL) < 0 || ports.n != n)
                        abort();
        }
        return 0;
}
