/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any text as the answer of stead-dissect. What is accepted has a root or a /usr, and parts that
 * neither overlap nor overflow. */

#include "fuzz.h"
#include "image/disk-layout.h"

#include <stdlib.h>
#include <string.h>

static void check(const DiskLayout *l)
{
        if (!l->parts[DISK_ROOT].found && !l->parts[DISK_USR].found)
                abort();
        for (size_t i = 0; i < _DISK_ROLE_MAX; i++)
                for (size_t j = 0; j < i; j++) {
                        const DiskPart *a = &l->parts[i], *b = &l->parts[j];

                        if (a->found && (a->size == 0 || a->size > INT64_MAX - a->offset))
                                abort();
                        if (a->found && b->found && a->offset < b->offset + b->size &&
                            b->offset < a->offset + a->size)
                                abort();
                }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_free_ char *text = strndup((const char *)data, size);
        _cleanup_error_ Error error = ERROR_NULL;
        DiskLayout layout;

        if (!text)
                abort();
        if (disk_layout_parse(text, "f", &layout, &error) >= 0)
                check(&layout);
        else if (!error.message || !error.hint || strpbrk(error.message, "\n\033"))
                abort(); /* a refusal says why, and nothing of the text */
        return 0;
}
