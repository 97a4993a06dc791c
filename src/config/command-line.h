/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The launcher's command line: words to assignments, by the option table. */

#include "config/definition.h"

/* Parses argv[1..]; stops at the first word that is no option (the rest is the payload's command).
 * "help" as a value prints the choices and returns 1 (the program is done), as do --help and
 * --version. Returns 0 and fills @ret otherwise. */
int command_line_parse(int argc, char **argv, Assignments *ret, Error *error);

/* Environment variables of systemd-nspawn (SYSTEMD_NSPAWN_...) which are part of its interface, as
 * assignments that come before the command line. */
int command_line_environment(char *const *environ, Assignments *ret, Error *error);
