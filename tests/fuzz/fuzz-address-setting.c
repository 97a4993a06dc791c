/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any text as an address of each kind. Whatever is accepted is written so that it is read again. */

#include "config/address-setting.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        int (*const parsers[])(const char *, AddressSetting *, Error *) = {
                address_setting_parse,
                address_setting_parse_own,
                address_setting_parse_peer,
                address_setting_parse_network,
        };
        _cleanup_free_ char *text = strndup((const char *)data, size);

        for (size_t i = 0; text && i < ELEMENTSOF(parsers); i++) {
                _cleanup_buffer_ Buffer out = BUFFER_NULL;
                _cleanup_error_ Error error = ERROR_NULL;
                AddressSetting a, again;

                if (parsers[i](text, &a, &error) < 0) {
                        if (!error.message)
                                abort(); /* a refusal says why */
                        continue;
                }
                address_setting_format(&a, &out);
                if (!out.data || parsers[i](out.data, &again, NULL) < 0 ||
                    memcmp(&a, &again, sizeof(a)) != 0)
                        abort();
        }
        return 0;
}
