/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A growing, always NUL-terminated byte string. Out of memory is sticky: appends become no-ops and
 * the end (buffer_steal(), buffer_error()) tells, so that a writer needs one check, not twenty. */

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct Buffer {
        char *data; /* NULL while empty */
        size_t size;
        size_t allocated;
        bool failed;
} Buffer;

#define BUFFER_NULL ((Buffer){})
#define _cleanup_buffer_ _cleanup_(buffer_done)

void buffer_done(Buffer *b);
void buffer_append(Buffer *b, const void *data, size_t size);
void buffer_puts(Buffer *b, const char *s);
void buffer_printf(Buffer *b, const char *format, ...) _printf_(2, 3);
/* -ENOMEM if an append failed, else 0. */
int buffer_error(const Buffer *b);
/* The text ("" if nothing was appended); the caller frees it. NULL on out of memory. */
char *buffer_steal(Buffer *b);
