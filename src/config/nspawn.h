/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The launcher under the name of systemd-nspawn: a link of that name, first in PATH or in a unit,
 * makes it a drop-in for what was written for that program. Options are the same anyway; here is
 * where the two differ. */

#include "config/option.h"

#include <stdbool.h>

/* The version that `systemd-nspawn --version` claims, which scripts parse: whose options we take.
 */
#define NSPAWN_VERSION "257"

/* The exit status with which it asks its unit for a fresh start after a reboot of the machine
 * (RestartForceExitStatus=133). */
#define NSPAWN_EXIT_REBOOT 133

/* Whether a program called @word, argv[0], is to behave like it. */
bool nspawn_is_meant(const char *word);

/* Its defaults where ours differ, as assignments that everything else overrides. */
int nspawn_defaults(Assignments *a);
