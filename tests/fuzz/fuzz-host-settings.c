/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any text as stead.conf. */

#include "config/host-settings.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        _cleanup_free_ char *text = strndup((const char *)data, size);
        HostSettings settings = host_settings_default;

        if (!text)
                return 0;
        if (host_settings_parse("stead.conf", text, &settings, &diagnostics) < 0)
                return 0; /* no memory */
        if (settings.start_cpu_pressure > 100 || settings.start_io_pressure > 100 ||
            settings.start_memory_pressure > 100)
                abort();
        for (size_t i = 0; i < diagnostics.n; i++)
                if (!diagnostics.items[i].message)
                        abort(); /* a refusal says why */
        return 0;
}
