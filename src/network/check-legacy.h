/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Rules of iptables-legacy, which are another machinery of the kernel, in the words of nft's JSON,
 * so that they are walked in the same way. */

#include <jansson.h>

/* @text: what `iptables-legacy -S` prints; @family: "ip" or "ip6". An option that is not known is a
 * match that cannot be judged. Rules have their line as handle and their text as "text". NULL on
 * out of memory. */
json_t *check_legacy_parse(const char *family, const char *text);
