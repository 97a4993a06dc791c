/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One process in one machine on our standard streams, until it ends. */

#include "machine/enter.h"
#include "machine/session.h"

/* Statuses of our own, as shells and container tools have them. */
#define EXIT_CANNOT_ENTER 125
#define EXIT_NOT_EXECUTABLE 126
#define EXIT_NOT_FOUND 127

/* Fills stdio in when no pty is wanted. Returns the exit status (128 + n for signal n). An error
 * before the command runs is printed and gives one of the three above. */
int session_run(const Machine *machine, EnterRequest *request);

/* Splits "USER@NAME"; *ret_user is NULL without a user. The caller frees both. */
int session_target(const char *word, char **ret_user, char **ret_name, Error *error);

/* The status for an error of machine_enter(). */
int session_error_status(int r);

/* The same through PAM, as machine/session.h has it. Returns the exit status. -ENXIO with @error
 * set: the machine has no sessions; nothing was run. */
int session_log_in(const Machine *machine, const SessionLogin *login, Error *error);
