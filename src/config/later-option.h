/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Options and keys whose names are taken, by systemd-nspawn or by our own design, but which this
 * version does not act on. Known here so that they are refused by name, not as a typing error, and
 * so that a .nspawn file that asks for a private network never ends in the host's. */

#include "config/diagnostics.h"
#include "config/option.h"

typedef struct LaterKey {
        const char *section, *key;
        bool private_network; /* asks for a network of its own */
} LaterKey;

bool later_option(const char *name);
const LaterKey *later_key(const char *section, const char *key);

/* Refuses the first of @a that is in force and not acted upon. 0 if there is none. In .nspawn files
 * such a key was dealt with when it was read. */
int later_refuse(const Assignments *a, Error *error);
/* The same, all of them as errors with their places; part of reading a definition. -ENOMEM only. */
int later_diagnose(const Assignments *a, Diagnostics *diagnostics);
/* How many that are. */
size_t later_count(const Assignments *a);
