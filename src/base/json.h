/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Writing JSON (RFC 8259) by hand, for programs that only ever write a few fields and must not load
 * a library for it. */

#include "base/buffer.h"

/* Appends @s as a string with its quotes. What is not UTF-8 becomes U+FFFD, since readers refuse a
 * whole document for one bad byte. (Not json_string(): that is jansson's, and `stead` links both.)
 */
void json_write_string(Buffer *out, const char *s);
