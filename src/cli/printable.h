/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Texts that somebody else wrote (paths and messages of layers), for terminals and for JSON. */

#include <jansson.h>

/* Control characters and what is not UTF-8 become \ooo, so that no path can do anything to a
 * terminal. The caller frees it; NULL on out of memory. */
char *printable_text(const char *s);
/* A JSON string, with U+FFFD for what is not UTF-8; null for NULL. A new reference. */
json_t *printable_json(const char *s);
