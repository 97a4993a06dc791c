/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Everything a launcher is told: environment, then definition, then command line (or, with
 * --settings=override, the definition last), merged key by key and checked. */

#include "config/definition.h"

typedef struct LaunchSettings {
        Settings *settings;
        Definition *definition;  /* NULL: there is none */
        Assignments all;         /* where each value comes from */
        Diagnostics diagnostics; /* warnings, and errors of the definition */
} LaunchSettings;

#define LAUNCH_SETTINGS_NULL \
        ((LaunchSettings){ .all = ASSIGNMENTS_NULL, .diagnostics = DIAGNOSTICS_NULL })
#define _cleanup_launch_settings_ _cleanup_(launch_settings_done)
void launch_settings_done(LaunchSettings *l);
/* @root: "", or before the paths of definitions. 1 if the command line only asked for help. Prints
 * nothing; ret->diagnostics is filled in any case. */
int launch_settings_read(const char *root, int argc, char **argv, char *const *environment,
                         LaunchSettings *ret, Error *error);
