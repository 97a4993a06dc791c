/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An errand: a function run in a process of its own, which may go where its caller must not (into
 * another mount namespace, to other rights), and whose error comes back with all its words. */

#include "base/error.h"

#include <sys/types.h>

/* Runs in the child, with the signal mask of the caller. */
typedef int (*ErrandFunction)(void *argument, Error *error);

typedef struct Errand {
        int pid_fd, report_fd;
} Errand;

#define ERRAND_NULL ((Errand){ .pid_fd = -EBADF, .report_fd = -EBADF })

int errand_start(ErrandFunction function, void *argument, Errand *ret, Error *error);
/* Waits for the end and reaps. Returns what the function did; -EIO if it was killed. */
int errand_wait(Errand *errand, Error *error);
/* The same as soon as it is done, without waiting for the end of its process, which can take as
 * long as the errand: errand_done() must follow. */
int errand_hear(Errand *errand, Error *error);
/* Kills and reaps one that was not waited for. */
void errand_done(Errand *errand);

/* Starts and waits. */
int errand_run(ErrandFunction function, void *argument, Error *error);

/* For the child: it ends with the process that started it. To be called again after a change of
 * user or of user namespace, which undo it. */
int errand_die_with_caller(void);
