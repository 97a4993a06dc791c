/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* JobRemoved signals, collected from before the first call so that none is missed. */

#include "bus/job.h"

#include "base/parse.h"
#include "base/strv.h"
#include "bus/systemd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct JobQueue {
        sd_bus *bus;
        sd_bus_slot *slot;
        char **ended; /* "path result" of jobs that nobody has waited for yet */
};

static int on_job_removed(sd_bus_message *m, void *data, sd_bus_error *e)
{
        JobQueue *q = data;
        const char *path, *unit, *result;
        uint32_t id;

        if (sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) >= 0)
                (void)strv_pushf(&q->ended, "%s %s", path, result); /* or the wait times out */
        return 0;
}

JobQueue *job_queue_free(JobQueue *q)
{
        if (!q)
                return NULL;
        sd_bus_slot_unref(q->slot);
        sd_bus_unref(q->bus);
        strv_free(q->ended);
        free(q);
        return NULL;
}

int job_queue_new(sd_bus *bus, JobQueue **ret, Error *error)
{
        _cleanup_job_queue_ JobQueue *q = calloc(1, sizeof(JobQueue));
        int r;

        if (!q)
                return error_set(error, ENOMEM, "Out of memory");
        q->bus = sd_bus_ref(bus);
        /* without sender: there are no names on the private socket, and only the manager speaks */
        r = sd_bus_match_signal(bus, &q->slot, NULL, SYSTEMD_PATH, SYSTEMD_MANAGER, "JobRemoved",
                                on_job_removed, q);
        if (r < 0)
                return bus_error_set(error, NULL, r, "Failed to listen to systemd");
        *ret = TAKE_PTR(q);
        return 0;
}

static int begin(JobQueue *q, const char *method, const char *unit, const char *mode,
                 char **ret_job, Error *error)
{
        _cleanup_bus_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *reply = NULL;
        const char *path;
        int r = sd_bus_call_method(q->bus, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, method, &e,
                                   &reply, "ss", unit, mode);

        if (r < 0) {
                bool missing = sd_bus_error_has_name(&e, "org.freedesktop.systemd1.NoSuchUnit") ||
                               sd_bus_error_has_name(&e, SD_BUS_ERROR_FILE_NOT_FOUND);

                (void)bus_error_set(error, &e, r, "%s of %s failed", method, unit);
                return missing ? -ENOENT : r;
        }
        r = sd_bus_message_read(reply, "o", &path);
        if (r < 0)
                return bus_error_set(error, NULL, r, "%s of %s failed", method, unit);
        *ret_job = strdup(path);
        return *ret_job ? 0 : error_set(error, ENOMEM, "Out of memory");
}

int job_queue_begin(JobQueue *q, const char *method, const char *unit, char **ret_job, Error *error)
{
        return begin(q, method, unit, "replace", ret_job, error);
}

int job_queue_begin_stop_alone(JobQueue *q, const char *unit, char **ret_job, Error *error)
{
        return begin(q, "StopUnit", unit, "ignore-dependencies", ret_job, error);
}

/* How @job ended, in the queue's own memory; NULL: it has not. */
static const char *result_of(JobQueue *q, const char *job)
{
        size_t n = strlen(job);

        STRV_FOREACH (e, q->ended)
                if (strncmp(*e, job, n) == 0 && (*e)[n] == ' ')
                        return *e + n + 1;
        return NULL;
}

static int judge(const char *result, const char *unit, Error *error)
{
        if (strcmp(result, "done") == 0 || strcmp(result, "skipped") == 0)
                return 0;
        error_hint(error, "systemctl status %s; journalctl -b -u %s", unit, unit);
        if (strcmp(result, "canceled") == 0)
                return error_set(error, ECANCELED, "The job of %s was cancelled by another one",
                                 unit);
        if (strcmp(result, "timeout") == 0)
                return error_set(error, ETIMEDOUT, "The job of %s took too long", unit);
        if (strcmp(result, "dependency") == 0)
                return error_set(error, EPROTO, "A unit that %s needs could not be started", unit);
        return error_set(error, EPROTO, "The job of %s ended as '%s'", unit, result);
}

int job_queue_wait(JobQueue *q, const char *job, const char *unit, uint64_t timeout_usec,
                   Error *error)
{
        uint64_t since = clock_now_usec();

        for (;;) {
                const char *result = result_of(q, job);
                int r;

                if (result)
                        return judge(result, unit, error);
                r = sd_bus_process(q->bus, NULL);
                if (r == 0) { /* all that was said is read: only now it may be too late */
                        uint64_t passed = clock_now_usec() - since;

                        if (timeout_usec != USEC_INFINITY && passed >= timeout_usec) {
                                error_hint(error, "systemctl status %s", unit);
                                return error_set(error, ETIMEDOUT, "%s is not done yet", unit);
                        }
                        r = sd_bus_wait(q->bus, timeout_usec == USEC_INFINITY
                                                        ? UINT64_MAX
                                                        : timeout_usec - passed);
                }
                if (r < 0 && r != -EINTR)
                        return bus_error_set(error, NULL, r, "Lost systemd while waiting for %s",
                                             unit);
        }
}
