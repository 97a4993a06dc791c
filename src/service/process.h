/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Processes in machines that were started over the bus, as objects: org.stead1.Process. */

#include "service/process-child.h"
#include "service/service.h"

int process_table_new(Service *service, ProcessTable **ret, Error *error);
ProcessTable *process_table_free(ProcessTable *t);
DEFINE_CLEANUP(ProcessTable, process_table_free)

/* Starts one for the caller of @m, which is answered as soon as the command runs: with "ou", its
 * object and host pid, or for one on a terminal with "ho", the terminal's master and the object.
 * Returns what a handler has to. */
int process_begin(Service *s, sd_bus_message *m, const ProcessRequest *request);

/* Whose process the object at @path is. */
int process_owner(const ProcessTable *t, const char *path, uid_t *ret, const char **ret_machine);
