/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Jobs of the service manager: begin some, then wait for all of them. Works on the system bus and
 * on the private socket. */

#include "bus/connection.h"

typedef struct JobQueue JobQueue;

#define _cleanup_job_queue_ _cleanup_(job_queue_freep)
/* Listens for ends of jobs on @bus, which it references. */
int job_queue_new(sd_bus *bus, JobQueue **ret, Error *error);
JobQueue *job_queue_free(JobQueue *q);
DEFINE_CLEANUP(JobQueue, job_queue_free)

/* Calls @method (StartUnit, StopUnit, RestartUnit, ReloadUnit...) on @unit with mode "replace".
 * @ret_job goes to job_queue_wait(). -ENOENT: there is no such unit. */
int job_queue_begin(JobQueue *q, const char *method, const char *unit, char **ret_job,
                    Error *error);
/* Stops @unit and leaves alone what depends on it. */
int job_queue_begin_stop_alone(JobQueue *q, const char *unit, char **ret_job, Error *error);
/* Waits for the end of @job, which any call may have begun. 0: it was done; -ECANCELED, -ETIMEDOUT
 * (also after @timeout_usec: the job goes on), -EPROTO (failed, dependency, assert...) with @error
 * naming @unit and what to look at. */
int job_queue_wait(JobQueue *q, const char *job, const char *unit, uint64_t timeout_usec,
                   Error *error);
