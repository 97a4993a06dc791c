/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Jobs live in memory only. One that has ended stays readable for a while, for callers that ask
 * later than they could. */

#include "service/job.h"

#include "base/parse.h"
#include "service/child.h"
#include "service/names.h"
#include "service/reply.h"
#include "service/waiters.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>

#define KEEP_USEC (30 * USEC_PER_SEC)
#define KEEP_MAX 64

DEFINE_STRING_TABLE(job_verb, JobVerb, "start", "stop", "reboot", "restart", "apply", "update",
                    "rollback");
DEFINE_STRING_TABLE(job_result, JobResult, "", "done", "failed", "cancelled");

typedef struct Job {
        JobTable *table;
        uint32_t id;
        char *path;
        JobVerb verb;
        char *machine; /* "" for several */
        uid_t uid;
        uint32_t progress;
        bool seen_gone; /* reboot, restart: the old machine has ended */
        bool cancelled;
        JobResult result;
        char *error, *output;
        Child *child;
        sd_event_source *expiry;
        Waiters waiters;
} Job;

struct JobTable {
        Service *service;
        uint32_t last_id;
        Job **jobs; /* oldest first */
        size_t n;
        sd_bus_slot *slot, *enumerator;
};

static Job *job_free(Job *j)
{
        if (!j)
                return NULL;
        waiters_done(&j->waiters);
        sd_event_source_disable_unref(j->expiry);
        child_free(j->child);
        free(j->path);
        free(j->machine);
        free(j->error);
        free(j->output);
        free(j);
        return NULL;
}
DEFINE_CLEANUP(Job, job_free)

static void job_table_remove(JobTable *t, Job *j)
{
        for (size_t i = 0; i < t->n; i++)
                if (t->jobs[i] == j) {
                        t->n--;
                        memmove(&t->jobs[i], &t->jobs[i + 1], (t->n - i) * sizeof(Job *));
                        break;
                }
        job_free(j);
}

static Job *job_find(const JobTable *t, const char *path)
{
        for (size_t i = 0; i < t->n; i++)
                if (strcmp(t->jobs[i]->path, path) == 0)
                        return t->jobs[i];
        return NULL;
}

int job_owner(const JobTable *t, const char *path, uid_t *ret, const char **ret_machine)
{
        const Job *j = job_find(t, path);

        if (!j)
                return -ENOENT;
        *ret = j->uid;
        *ret_machine = j->machine;
        return 0;
}

int job_table_append(const JobTable *t, sd_bus_message *reply)
{
        int r = sd_bus_message_open_container(reply, 'a', "(usso)");

        for (size_t i = 0; r >= 0 && i < t->n; i++) {
                const Job *j = t->jobs[i];

                if (j->result == JOB_GOING_ON)
                        r = sd_bus_message_append(reply, "(usso)", j->id,
                                                  job_verb_to_string(j->verb), j->machine, j->path);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* What is told about machines is not worth failing for. */
static void job_set_progress(Job *j, uint32_t percent)
{
        if (percent <= j->progress)
                return;
        j->progress = percent;
        (void)sd_bus_emit_properties_changed(j->table->service->bus, j->path, STEAD1_JOB,
                                             "Progress", NULL);
}

/* How far a state of its machine shows @j to be. */
static uint32_t progress_of(Job *j, const Machine *m)
{
        bool starting = m && m->state == MACHINE_STARTING,
             running = m && m->state == MACHINE_RUNNING,
             stopping = m && m->state == MACHINE_STOPPING;

        switch (j->verb) {
        case JOB_START:
                return starting ? 50 : running ? 90 : 0;
        case JOB_STOP:
                return stopping ? 50 : m ? 0 : 90;
        case JOB_REBOOT:
        case JOB_RESTART:
                if (!m)
                        j->seen_gone = true;
                if (!j->seen_gone)
                        return stopping ? 20 : 0;
                return starting ? 60 : running ? 90 : 40;
        case JOB_APPLY:
        case JOB_UPDATE:
        case JOB_ROLLBACK:
        case _JOB_VERB_MAX:
        case _JOB_VERB_INVALID:
                break;
        }
        return 0;
}

void job_table_notice(JobTable *t, const char *name, const Machine *machine)
{
        for (size_t i = 0; t && i < t->n; i++)
                if (t->jobs[i]->result == JOB_GOING_ON && strcmp(t->jobs[i]->machine, name) == 0)
                        job_set_progress(t->jobs[i], progress_of(t->jobs[i], machine));
}

static int answer_waiter(sd_bus_message *m, const void *subject)
{
        const Job *j = subject;

        return sd_bus_reply_method_return(m, "sss", job_result_to_string(j->result), j->error ?: "",
                                          j->output ?: "");
}

static int on_expiry(sd_event_source *source, uint64_t usec, void *userdata)
{
        Job *j = userdata;

        job_table_remove(j->table, j);
        return 0;
}

/* Those that have ended make room, the oldest first. */
static void job_table_trim(JobTable *t)
{
        size_t ended = 0;

        for (size_t i = t->n; i > 0; i--)
                if (t->jobs[i - 1]->result != JOB_GOING_ON && ++ended > KEEP_MAX)
                        job_table_remove(t, t->jobs[i - 1]);
}

static void job_finish(Job *j)
{
        Service *s = j->table->service;
        const char *result = job_result_to_string(j->result);

        quota_give_back(&s->quota, j->uid, QUOTA_JOB);
        if (j->result == JOB_DONE)
                j->progress = 100;
        /* the texts are the owner's alone, signals are everybody's: they are only said to be new */
        (void)sd_bus_emit_properties_changed(s->bus, j->path, STEAD1_JOB, "Progress", "Result",
                                             "Error", "Output", NULL);
        (void)sd_bus_emit_signal(s->bus, j->path, STEAD1_JOB, "Finished", "s", result);
        (void)sd_bus_emit_signal(s->bus, STEAD1_PATH, STEAD1_MANAGER, "JobRemoved", "uoss", j->id,
                                 j->path, j->machine, result);
        waiters_answer(&j->waiters, s, answer_waiter, j);
        if (sd_event_add_time_relative(s->event, &j->expiry, CLOCK_MONOTONIC, KEEP_USEC,
                                       USEC_PER_SEC, on_expiry, j) < 0)
                job_table_remove(j->table, j);
        else
                job_table_trim(j->table);
}

static void on_child_end(Child *child, const ChildEnd *end, void *userdata)
{
        _cleanup_error_ Error error = ERROR_NULL;
        Job *j = userdata;

        j->output = reply_text(end->output);
        j->result = end->status == 0 ? JOB_DONE : j->cancelled ? JOB_CANCELLED : JOB_FAILED;
        if (j->result == JOB_CANCELLED) {
                j->error = strdup("Cancelled; what was begun goes on");
        } else if (j->result == JOB_FAILED) {
                _cleanup_buffer_ Buffer text = BUFFER_NULL;

                (void)child_error(end, EIO, &error);
                buffer_puts(&text, error.message ?: "");
                if (error.hint)
                        buffer_printf(&text, "\n  Try: %s", error.hint);
                j->error = reply_text(text.data);
        }
        j->child = child_free(j->child);
        job_finish(j);
}

/* Two jobs at a time would undo each other's work; but a stop is always possible. */
static const Job *job_in_the_way(const JobTable *t, JobVerb verb, const char *machine)
{
        for (size_t i = 0; i < t->n; i++) {
                const Job *j = t->jobs[i];

                if (j->result == JOB_GOING_ON && strcmp(j->machine, machine) == 0 &&
                    (verb != JOB_STOP || j->verb == JOB_STOP))
                        return j;
        }
        return NULL;
}

static int job_new(JobTable *t, JobVerb verb, const char *machine, Job **ret)
{
        _cleanup_(job_freep) Job *j = calloc(1, sizeof(Job));
        Job **grown = reallocarray(t->jobs, t->n + 1, sizeof(*grown));

        if (!grown)
                return -ENOMEM;
        t->jobs = grown;
        if (!j)
                return -ENOMEM;
        j->table = t;
        j->id = ++t->last_id ?: ++t->last_id;
        j->verb = verb;
        j->uid = t->service->caller;
        j->machine = strdup(machine);
        if (asprintf(&j->path, STEAD1_JOB_PREFIX "/%" PRIu32, j->id) < 0)
                j->path = NULL;
        if (!j->machine || !j->path)
                return -ENOMEM;
        *ret = TAKE_PTR(j);
        return 0;
}

int job_begin(Service *s, sd_bus_message *m, JobVerb verb, const char *machine, char *const *argv)
{
        _cleanup_error_ Error error = ERROR_NULL;
        JobTable *t = s->jobs;
        const Job *other = job_in_the_way(t, verb, machine ?: "");
        Job *j = NULL;
        int r;

        if (other)
                return reply_errorf(m, EBUSY, "Job %" PRIu32 " (%s) of machine '%s' goes on",
                                    other->id, job_verb_to_string(other->verb), other->machine);
        r = service_take_quota(s, m, QUOTA_JOB);
        if (r != 0)
                return r;
        r = job_new(t, verb, machine ?: "", &j);
        if (r >= 0)
                r = child_run_program(s->event, argv, USEC_INFINITY, on_child_end, j, &j->child,
                                      &error);
        if (r < 0) {
                job_free(j);
                quota_give_back(&s->quota, s->caller, QUOTA_JOB);
                return error.number ? reply_error(m, REPLY_MACHINE, &error) : r;
        }
        t->jobs[t->n++] = j;
        (void)sd_bus_emit_signal(s->bus, STEAD1_PATH, STEAD1_MANAGER, "JobNew", "uo", j->id,
                                 j->path);
        return sd_bus_reply_method_return(m, "o", j->path);
}

/* --- the object ---------------------------------------------------------------------------- */

static int get_verb(sd_bus *bus, const char *path, const char *interface, const char *property,
                    sd_bus_message *reply, void *userdata, sd_bus_error *e)
{
        const Job *j = userdata;

        return sd_bus_message_append(reply, "s", job_verb_to_string(j->verb));
}

static int get_result(sd_bus *bus, const char *path, const char *interface, const char *property,
                      sd_bus_message *reply, void *userdata, sd_bus_error *e)
{
        const Job *j = userdata;

        return sd_bus_message_append(reply, "s", job_result_to_string(j->result));
}

static int method_cancel(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        Job *j = userdata;

        if (j->result != JOB_GOING_ON)
                return reply_errorf(m, ESRCH, "Job %" PRIu32 " has ended", j->id);
        j->cancelled = true;
        (void)child_signal(j->child, SIGTERM); /* or it is just ending */
        return sd_bus_reply_method_return(m, NULL);
}

static int method_wait(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        Job *j = userdata;

        return j->result == JOB_GOING_ON ? waiters_add(&j->waiters, j->table->service, m)
                                         : answer_waiter(m, j);
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Id", "u", NULL, offsetof(Job, id), SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Verb", "s", get_verb, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Machine", "s", NULL, offsetof(Job, machine), SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("UID", "u", NULL, offsetof(Job, uid), SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Progress", "u", NULL, offsetof(Job, progress),
                        SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Result", "s", get_result, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Error", "s", NULL, offsetof(Job, error),
                        SD_BUS_VTABLE_PROPERTY_EMITS_INVALIDATION),
        SD_BUS_PROPERTY("Output", "s", NULL, offsetof(Job, output),
                        SD_BUS_VTABLE_PROPERTY_EMITS_INVALIDATION),
        SD_BUS_METHOD("Cancel", NULL, NULL, method_cancel, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Wait", SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("s", result, "s", error, "s", output), method_wait,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("Finished", SD_BUS_ARGS("s", result), 0),
        SD_BUS_VTABLE_END,
};

static int find_object(sd_bus *bus, const char *path, const char *interface, void *userdata,
                       void **ret, sd_bus_error *e)
{
        JobTable *t = userdata;

        *ret = job_find(t, path);
        return *ret != NULL;
}

static int enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *e)
{
        const JobTable *t = userdata;
        char **paths = calloc(t->n + 1, sizeof(char *));

        for (size_t i = 0; paths && i < t->n; i++)
                paths[i] = strdup(t->jobs[i]->path); /* a missing one ends the list */
        *ret = paths;
        return paths ? 0 : -ENOMEM;
}

JobTable *job_table_free(JobTable *t)
{
        if (!t)
                return NULL;
        sd_bus_slot_unref(t->slot);
        sd_bus_slot_unref(t->enumerator);
        for (size_t i = 0; i < t->n; i++)
                job_free(t->jobs[i]);
        free(t->jobs);
        free(t);
        return NULL;
}

int job_table_new(Service *service, JobTable **ret, Error *error)
{
        _cleanup_(job_table_freep) JobTable *t = calloc(1, sizeof(JobTable));
        int r;

        if (!t)
                return error_set(error, ENOMEM, "Out of memory");
        t->service = service;
        r = sd_bus_add_fallback_vtable(service->bus, &t->slot, STEAD1_JOB_PREFIX, STEAD1_JOB,
                                       vtable, find_object, t);
        if (r >= 0)
                r = sd_bus_add_node_enumerator(service->bus, &t->enumerator, STEAD1_JOB_PREFIX,
                                               enumerate, t);
        if (r < 0)
                return error_errno(error, -r, "Failed to offer jobs");
        *ret = TAKE_PTR(t);
        return 0;
}
