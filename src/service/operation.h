/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the methods of the manager and of machine objects do, which are the same. Each answers the
 * call and returns what a handler has to. Names are as callers gave them. */

#include "service/service.h"

int operation_start(Service *s, sd_bus_message *m, const char *name);
int operation_stop(Service *s, sd_bus_message *m, const char *name, bool force);
int operation_reboot(Service *s, sd_bus_message *m, const char *name);
int operation_restart(Service *s, sd_bus_message *m, const char *name);
/* @names: none for all. */
int operation_apply(Service *s, sd_bus_message *m, char *const *names, bool dry_run);
/* Of a machine of layers; @now: with a restart if it runs. @number: 0 for the generation before. */
int operation_update(Service *s, sd_bus_message *m, const char *name, bool now);
int operation_rollback(Service *s, sd_bus_message *m, const char *name, uint32_t number, bool now);
/* @whom: "leader" or "all". */
int operation_kill(Service *s, sd_bus_message *m, const char *name, const char *whom, int signal);

/* -EINVAL for what cannot be a name; -ENOENT when there is neither definition nor tree, -EBADMSG
 * with the first error of a bad definition. */
int operation_check_name(const char *name, Error *error);
int operation_check_startable(const char *name, Error *error);
/* -ENXIO when it does not run, and says whether there is such a machine at all. */
int operation_check_running(Service *s, const char *name, Error *error);
