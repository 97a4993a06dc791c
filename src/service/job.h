/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Long work as an object of the bus: org.stead1.Job. The work itself is the `stead` program's, so
 * that verbs and methods are one implementation, and it goes on should we end. */

#include "service/service.h"

#include "machine/machine.h"

typedef enum JobVerb {
        JOB_START,
        JOB_STOP,
        JOB_REBOOT,
        JOB_RESTART,
        JOB_APPLY,
        JOB_UPDATE,
        JOB_ROLLBACK,
        _JOB_VERB_MAX,
        _JOB_VERB_INVALID = -EINVAL,
} JobVerb;
DECLARE_STRING_TABLE(job_verb, JobVerb);

typedef enum JobResult {
        JOB_GOING_ON,
        JOB_DONE,
        JOB_FAILED,
        JOB_CANCELLED,
        _JOB_RESULT_MAX,
        _JOB_RESULT_INVALID = -EINVAL,
} JobResult;
DECLARE_STRING_TABLE(job_result, JobResult);

int job_table_new(Service *service, JobTable **ret, Error *error);
JobTable *job_table_free(JobTable *t);
DEFINE_CLEANUP(JobTable, job_table_free)

/* Begins a job for the caller of @m with the command line @argv, and answers @m with its path, or
 * with an error. @machine: NULL for several. Returns what a handler has to. */
int job_begin(Service *s, sd_bus_message *m, JobVerb verb, const char *machine, char *const *argv);

/* The registry tells what has become of a machine; NULL: it does not run. */
void job_table_notice(JobTable *t, const char *name, const Machine *machine);

/* Whose job the object at @path is. */
int job_owner(const JobTable *t, const char *path, uid_t *ret, const char **ret_machine);
/* Appends a(usso): id, verb, machine, object of those that go on. */
int job_table_append(const JobTable *t, sd_bus_message *reply);
