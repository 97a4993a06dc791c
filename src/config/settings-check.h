/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files that check Settings as a whole share. Nobody outside of them calls this. */

#include "config/option.h"

/* Appends "Boot= (/etc/stead/web.machine:3)", or "--boot": how the row with the long name or key
 * @name was given. */
void settings_describe(const Assignments *a, const char *name, Buffer *out);
/* Two options that do not go together, why, and what to write instead. */
int settings_conflict(const Assignments *a, const char *one, const char *other, const char *why,
                      const char *hint, Error *error);

/* [Network], settings-network.c: what excludes what, and what nobody needs to say. */
int settings_network_check(const Assignments *a, const Settings *s, Error *error);
void settings_network_imply(Settings *s);
