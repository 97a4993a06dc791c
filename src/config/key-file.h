/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Small files of [Section] and Key=value that are no definitions: stead.conf, remotes. A table says
 * which keys there are; every mistake is told with its line, and the rest still read. */

#include "config/diagnostics.h"

#include <stddef.h>

typedef struct KeyFileKey {
        const char *section, *name;
        /* Checks @value and stores it; the message of @error is the reason only. */
        int (*parse)(void *field, const char *value, Error *error);
        size_t offset; /* of the field in what is filled */
} KeyFileKey;

/* @text is torn apart. What is wrong goes to @diagnostics. Fails only for lack of memory. */
int key_file_parse(const char *path, char *text, const KeyFileKey *keys, size_t n_keys, void *data,
                   Diagnostics *diagnostics);
