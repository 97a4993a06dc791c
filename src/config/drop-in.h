/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Changing [Resources] in a drop-in of a definition by program, leaving what a person wrote into
 * the same file as it is. */

#include "base/error.h"

/* @text (may be "") with each of @assignments ("KEY=VALUE", checked before) in force at the end of
 * its section [Resources]: it replaces the lines of its key, of a list only those of the same
 * device, or with an empty value all of them; a list of processors is replaced. */
int drop_in_merge(const char *text, char *const *assignments, char **ret);
/* The same to the file, which survives a power cut as it was or as it shall be. */
int drop_in_set(const char *path, char *const *assignments, Error *error);
/* "/etc/stead/NAME.machine.d/50-set.conf" */
int drop_in_path(const char *name, char **ret);
