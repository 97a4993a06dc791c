/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The text of a console: what a machine wrote for its terminal, made harmless and readable for
 * ours. */

#include <stdbool.h>
#include <stddef.h>

/* Drops control characters and escape sequences (colours stay if @colors), and carriage returns.
 * The result is NUL-terminated; the caller frees it. NULL on out of memory. */
char *console_text_clean(const char *data, size_t size, bool colors);

/* The start of the last @lines lines of @text. */
const char *console_text_tail(const char *text, size_t lines);
