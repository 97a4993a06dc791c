/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Jobs of machines' units. Knows when a definition is newer than what systemd has read of it, and
 * where in the journal the reason of a failure stands. */

#include "cli/life-systemd.h"

#include "base/strv.h"
#include "bus/job.h"
#include "bus/systemd.h"
#include "bus/unit-control.h"
#include "bus/unit-journal.h"
#include "config/definition.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define LAUNCHER "stead-launch"
#define WORDS_MAX 100                            /* lines of the journal to look at */
#define JOURNAL_PATIENCE_USEC (5 * USEC_PER_SEC) /* journald reads what a dead process wrote */

struct LifeManager {
        sd_bus *bus;
        JobQueue *jobs;
};

LifeManager *life_manager_free(LifeManager *m)
{
        if (!m)
                return NULL;
        job_queue_free(m->jobs);
        sd_bus_flush_close_unref(m->bus);
        free(m);
        return NULL;
}

sd_bus *life_manager_bus(const LifeManager *m)
{
        return m->bus;
}

int life_manager_open(LifeManager **ret)
{
        _cleanup_life_manager_ LifeManager *m = NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        bool private;
        int r;

        *ret = NULL;
        if (!bus_host_runs_systemd())
                return 0;
        m = calloc(1, sizeof(LifeManager));
        if (!m)
                return -ENOMEM;
        r = bus_open_manager(&m->bus, &private, &error);
        if (r >= 0 && !systemd_has_template(m->bus))
                return 0;
        if (r >= 0)
                r = job_queue_new(m->bus, &m->jobs, &error);
        if (r < 0) {
                error_print(&error); /* the machines can do without */
                return 0;
        }
        *ret = TAKE_PTR(m);
        return 1;
}

bool life_unit_is_service(const char *unit)
{
        const char *dot = unit ? strrchr(unit, '.') : NULL;

        return dot && strcmp(dot, ".service") == 0;
}

int life_manager_find(LifeManager *m, const char *name, char **ret, Error *error)
{
        _cleanup_free_ char *unit = NULL, *state = NULL;
        int r = systemd_service_of(name, &unit);

        if (r < 0)
                return error_set(error, ENOMEM, "Out of memory");
        r = unit_active_state(m->bus, unit, &state, error);
        if (r < 0)
                return r;
        /* a start may have to wait for other units first */
        r = strcmp(state, "inactive") == 0 || strcmp(state, "failed") == 0
                    ? unit_has_job(m->bus, unit, error)
                    : 1;
        *ret = r > 0 ? TAKE_PTR(unit) : NULL;
        return r < 0 ? r : 0;
}

int life_manager_forget_pod(LifeManager *m, const char *name, Error *error)
{
        _cleanup_free_ char *unit = NULL, *state = NULL, *job = NULL;
        int r;

        if (systemd_pod_service_of(name, &unit) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        r = unit_active_state(m->bus, unit, &state, error);
        if (r < 0 || strcmp(state, "active") != 0) /* in its ExecStop= it is not */
                return r;
        r = job_queue_begin_stop_alone(m->jobs, unit, &job, error);
        return r < 0 ? r : job_queue_wait(m->jobs, job, unit, USEC_INFINITY, error);
}

/* What is only an image is a unit that may use devices since the generator saw the image. Its time
 * tells nothing: whoever writes to an image changes it. */
static bool is_new_image(const char *name)
{
        _cleanup_free_ char *image = NULL, *unit = NULL;

        if (asprintf(&image, "/var/lib/machines/%s.raw", name) < 0 ||
            asprintf(&unit, "/run/systemd/generator/stead@%s.service.d/10-stead.conf", name) < 0)
                return false;
        return access(image, F_OK) >= 0 && access(unit, F_OK) < 0;
}

int life_manager_refresh(LifeManager *m, char *const *names, Error *error)
{
        uint64_t loaded, changed, latest = 0;
        int r = systemd_loaded_usec(m->bus, &loaded, error);

        if (r < 0)
                return r;
        for (char *const *n = names; n && *n; n++) {
                if (definition_last_change("", *n, &changed) < 0)
                        return error_set(error, ENOMEM, "Out of memory");
                latest = MAX_OF(latest, changed);
                if (is_new_image(*n))
                        latest = UINT64_MAX;
        }
        return latest >= loaded ? systemd_reload(m->bus, error) : 0;
}

void life_job_done(LifeJob *j)
{
        free(j->unit);
        free(j->job);
        *j = LIFE_JOB_NULL;
}

int life_job_begin(LifeManager *m, const char *method, const char *unit, LifeJob *ret, Error *error)
{
        _cleanup_(life_job_done) LifeJob j = LIFE_JOB_NULL;
        int r;

        j.starts = strcmp(method, "StopUnit") != 0;
        j.unit = strdup(unit);
        if (!j.unit)
                return error_set(error, ENOMEM, "Out of memory");
        r = job_queue_begin(m->jobs, method, unit, &j.job, error);
        if (r < 0)
                return r;
        *ret = j;
        j = LIFE_JOB_NULL;
        return 0;
}

/* The first line of an error: "stead-launch: ...", or a definition's "/etc/stead/web.machine:3: ".
 */
static bool begins_error(const char *line)
{
        static const char program[] = LAUNCHER ": ";
        const char *colon;

        if (strncmp(line, program, strlen(program)) == 0)
                return true;
        colon = *line == '/' ? strchr(line, ':') : NULL;
        return colon && isdigit((unsigned char)colon[1]) && strstr(colon + 1, ": ");
}

/* From the last line that begins an error on: its text, and the command to type. */
static int take_words(char *const *lines, char **ret_text, Error *error)
{
        static const char program[] = LAUNCHER ": ", hint[] = "Try: ";
        char *const *first = NULL;
        _cleanup_buffer_ Buffer text = BUFFER_NULL;

        for (char *const *l = lines; l && *l; l++)
                if (begins_error(*l))
                        first = l;
        if (!first)
                return -ENODATA;
        for (char *const *l = first; *l; l++) {
                const char *line = *l + strspn(*l, " ");

                if (strncmp(line, hint, strlen(hint)) == 0) {
                        error_hint(error, "%s", line + strlen(hint));
                        break;
                }
                if (l > first)
                        break; /* the machine's console, or our end */
                if (strncmp(line, program, strlen(program)) == 0)
                        line += strlen(program);
                buffer_puts(&text, line);
        }
        *ret_text = buffer_steal(&text);
        return *ret_text ? 0 : -ENOMEM;
}

/* @cause is what systemd says of the job; what the launcher says is better. */
static int start_failed(LifeManager *m, const LifeJob *j, const char *name, Error *cause,
                        Error *error)
{
        _cleanup_strv_ char **lines = NULL;
        _cleanup_free_ char *text = NULL, *result = NULL;

        if (systemd_unit_string(m->bus, j->unit, unit_interface(j->unit), "Result", &result,
                                NULL) >= 0 &&
            strcmp(result, "start-limit-hit") == 0) {
                error_hint(error, "stead logs %s; systemctl reset-failed %s", name, j->unit);
                return error_set(error, EBUSY,
                                 "Machine '%s' did not start: it was started too often in too "
                                 "short a time",
                                 name);
        }
        if (unit_journal_lines(m->bus, j->unit, LAUNCHER, WORDS_MAX, JOURNAL_PATIENCE_USEC, &lines,
                               NULL) >= 0 &&
            take_words(lines, &text, error) >= 0)
                return error_set(error, EPROTO, "Machine '%s' did not start: %s", name, text);
        if (cause->hint)
                error_hint(error, "%s", cause->hint);
        return error_set(error, EPROTO, "Machine '%s' did not start: %s", name,
                         cause->message ?: "its job failed");
}

int life_job_wait(LifeManager *m, const LifeJob *j, const char *name, uint64_t timeout_usec,
                  Error *error)
{
        _cleanup_error_ Error cause = ERROR_NULL;
        int r = job_queue_wait(m->jobs, j->job, j->unit, timeout_usec, &cause);

        if (r >= 0 || r == -ETIMEDOUT)
                return r;
        return j->starts ? start_failed(m, j, name, &cause, error) : error_move(error, &cause);
}
