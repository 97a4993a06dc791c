/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Manifests without a store: files by path and content. */

#include "../unit.h"
#include "store/manifest.h"

#include <string.h>

typedef struct MadeFile {
        const char *path, *content;
} MadeFile;

static inline void made_manifest(const MadeFile *files, size_t n, Manifest *ret)
{
        Manifest m = MANIFEST_NULL;

        for (size_t i = 0; i < n; i++) {
                Entry e = { .path = strdup(files[i].path),
                            .kind = ENTRY_FILE,
                            .mode = 0644,
                            .mtime = 1700000000 + (int64_t)i,
                            .size = strlen(files[i].content) };

                assert_int_equal(hash_of(files[i].content, e.size, &e.content), 0);
                assert_int_equal(manifest_add_take(&m, &e), 0);
        }
        manifest_sort(&m);
        *ret = m;
}
