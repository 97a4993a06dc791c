/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Options and keys whose names are taken, by systemd-nspawn or by our own design, but which this
 * version does not act on. Known here so that they are refused by name, not as a typing error, and
 * so that a .nspawn file that asks for a private network never ends in the host's. */

#include <stdbool.h>

typedef struct LaterKey {
        const char *section, *key;
        bool private_network; /* asks for a network of its own */
} LaterKey;

bool later_option(const char *name);
bool later_letter(char letter);
const LaterKey *later_key(const char *section, const char *key);
