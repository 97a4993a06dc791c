/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which machines there are, and which of them a word or a pattern means. */

#include "base/error.h"

#define TREES_DIRECTORY "/var/lib/machines"

typedef enum NameScope {
        NAMES_RUNNING = 1 << 0,
        NAMES_DEFINED = 1 << 1,
        NAMES_TREES = 1 << 2,
        NAMES_PODS = 1 << 3, /* that run */
        NAMES_ALL = NAMES_RUNNING | NAMES_DEFINED | NAMES_TREES,
} NameScope;

/* Sorted, each once. */
int names_list(NameScope scope, char ***ret, Error *error);

/* Expands words and patterns (fnmatch) over @scope, in the order given, each name once. A word that
 * is no name of the scope is an error that names the nearest one; so is a pattern that matches
 * none. */
int names_select(NameScope scope, char *const *words, char ***ret, Error *error);
/* For verbs of one machine: no patterns. */
int names_check(NameScope scope, const char *name, Error *error);

/* The disk image of a machine, TREES_DIRECTORY/NAME.raw, if it is one and has no tree: 1, else 0.
 */
int names_find_disk(const char *name, char **ret);
