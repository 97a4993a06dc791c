/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any text as the file of a remote, and as a public key. */

#include "fuzz.h"
#include "store/remote.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        _cleanup_remote_ Remote remote = REMOTE_NULL;
        _cleanup_free_ char *text = strndup((const char *)data, size);
        Key k;

        if (!text)
                return 0;
        if (key_parse_public(text, &k, NULL) >= 0) {
                if (strlen(k.id) != KEY_ID_SIZE - 1 || !k.name)
                        abort();
                key_done(&k);
        }
        /* paths of keys are not for a fuzzer to open */
        if (strstr(text, "Key") && strchr(text, '/'))
                return 0;
        if (remote_parse("site.remote", text, &remote, &diagnostics) < 0)
                return 0; /* no memory */
        if (diagnostics.n_errors == 0 && (!remote.url || remote.n_keys == 0))
                abort();
        return 0;
}
