/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether the networks of machines work, as people and programs are told. */

#include "base/error.h"

#include <stdbool.h>

/* One block or JSON object a machine. EXIT_SUCCESS, or EXIT_FAILURE if one has a problem. */
int net_check(char *const *names, bool json, Error *error);

/* One line on stderr if @name, which has just been started, has no working network. Sends nothing
 * and takes less than two milliseconds. */
void net_check_brief(const char *name);
/* The same of the machine that this process is about to start as its launcher, by a process beside
 * that ends when the machine runs or the launcher has ended. */
void net_check_later(void);
