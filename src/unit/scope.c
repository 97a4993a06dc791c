/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* StartTransientUnit, and being the controller of what it made. */

#include "unit/scope.h"

#include "base/fd.h"
#include "base/parse.h"
#include "base/strv.h"
#include "bus/job.h"
#include "bus/systemd.h"
#include "bus/unit-property.h"
#include "machine/unit-message.h"
#include "os/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define TRIES 40
#define PAUSE_MSEC 50
#define JOB_USEC (45 * USEC_PER_SEC)
#define TASKS_MAX UINT64_C(16384)            /* as machined gives its scopes */
#define KILL_MARGIN_USEC (10 * USEC_PER_SEC) /* the launcher's own limit comes first */

void scope_done(Scope *s)
{
        free(s->unit);
        free(s->cgroup);
        s->bus = sd_bus_flush_close_unref(s->bus);
        *s = SCOPE_NULL;
}

/* Each property= field as one (sv). */
static int append_fields(sd_bus_message *m, char *const *fields, Error *error)
{
        static const char key[] = "property=";

        for (char *const *f = fields; f && *f; f++) {
                int r = strncmp(*f, key, strlen(key)) == 0
                                ? unit_property_append(m, *f + strlen(key), error)
                                : 0;

                if (r < 0)
                        return r;
        }
        return 0;
}

/* Since systemd 255, and an unknown property fails the whole call (machined-api section 1). */
static bool knows_coredump_receive(sd_bus *bus)
{
        _cleanup_free_ char *path = NULL;
        int value;

        return systemd_unit_path(bus, "init.scope", &path, NULL) >= 0 &&
               sd_bus_get_property_trivial(bus, SYSTEMD_NAME, path, SYSTEMD_SCOPE,
                                           "CoredumpReceive", NULL, 'b', &value) >= 0;
}

static int append_properties(sd_bus_message *m, char *const *fields, const char *controller,
                             bool coredumps, Error *error)
{
        const char *timeout = unit_message_field(fields, "stop-timeout-usec");
        const char *name = unit_message_field(fields, "name");
        uint64_t usec = USEC_INFINITY;
        int r;

        if (timeout && parse_uint64(timeout, &usec) >= 0 && usec != USEC_INFINITY)
                usec += KILL_MARGIN_USEC;
        r = sd_bus_message_open_container(m, 'a', "(sv)");
        if (r >= 0)
                r = sd_bus_message_append(m, "(sv)(sv)(sv)(sv)(sv)(sv)(sv)(sv)(sv)", "PIDs", "au",
                                          1, (uint32_t)getpid(), "Description", "s",
                                          unit_message_field(fields, "description"), "Slice", "s",
                                          unit_message_field(fields, "slice"), "Delegate", "b", 1,
                                          "CollectMode", "s", "inactive-or-failed", "TasksMax", "t",
                                          TASKS_MAX, "KillMode", "s", "control-group", "KillSignal",
                                          "i", (int32_t)SCOPE_STOP_SIGNAL, "TimeoutStopUSec", "t",
                                          usec);
        if (r >= 0 && controller)
                r = sd_bus_message_append(m, "(sv)", "Controller", "s", controller);
        if (r >= 0) /* when the host goes down, systemd asks us over the bus */
                r = sd_bus_message_append(m, "(sv)", "After", "as", 1, "dbus.service");
        if (r >= 0 && coredumps)
                r = sd_bus_message_append(m, "(sv)", "CoredumpReceive", "b", 1);
        if (r >= 0) {
                r = append_fields(m, fields, error);
                if (r < 0)
                        return r;
        }
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? bus_error_set(error, NULL, r, "Failed to describe the scope of '%s'", name)
                     : 0;
}

static int start_once(Scope *s, JobQueue *jobs, char *const *fields, bool private, Error *error)
{
        _cleanup_bus_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *m = NULL, *reply = NULL;
        const char *controller = NULL, *job;
        int r = sd_bus_message_new_method_call(s->bus, &m, SYSTEMD_NAME, SYSTEMD_PATH,
                                               SYSTEMD_MANAGER, "StartTransientUnit");

        if (r >= 0)
                r = sd_bus_message_append(m, "ss", s->unit, "fail");
        if (r >= 0 && !private)
                r = sd_bus_get_unique_name(s->bus, &controller);
        if (r >= 0) {
                r = append_properties(m, fields, controller, knows_coredump_receive(s->bus), error);
                if (r < 0)
                        return r;
                r = sd_bus_message_append(m, "a(sa(sv))", 0);
        }
        if (r >= 0)
                r = sd_bus_call(s->bus, m, JOB_USEC, &e, &reply);
        if (r < 0 && sd_bus_error_has_name(&e, "org.freedesktop.systemd1.UnitExists"))
                return -EEXIST;
        if (r >= 0)
                r = sd_bus_message_read(reply, "o", &job);
        if (r < 0)
                return bus_error_set(error, &e, r, "systemd does not make scope %s", s->unit);
        return job_queue_wait(jobs, job, s->unit, JOB_USEC, error);
}

/* A scope of that name: of a run that was killed or ended just now, and whose end systemd has not
 * seen, or with something left in it. It is not ours to share: the name is locked by the launcher.
 */
static void end_old_scope(const Scope *s, unsigned tried)
{
        struct timespec pause = { .tv_nsec = PAUSE_MSEC * 1000000L };

        if (tried == TRIES / 4) /* it does not go by itself */
                (void)sd_bus_call_method(s->bus, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
                                         "KillUnit", NULL, NULL, "ssi", s->unit, "all",
                                         (int32_t)SIGKILL);
        (void)sd_bus_call_method(s->bus, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
                                 "ResetFailedUnit", NULL, NULL, "s", s->unit);
        (void)nanosleep(&pause, NULL);
}

static int start(Scope *s, char *const *fields, bool private, Error *error)
{
        _cleanup_job_queue_ JobQueue *jobs = NULL;
        int r = job_queue_new(s->bus, &jobs, error);

        for (unsigned i = 0; r >= 0; i++) {
                r = start_once(s, jobs, fields, private, error);
                if (r != -EEXIST)
                        break;
                if (i >= TRIES) {
                        error_hint(error, "systemctl status %s", s->unit);
                        return error_set(error, EEXIST, "Unit %s is there and does not end",
                                         s->unit);
                }
                end_old_scope(s, i);
                r = 0;
        }
        return r;
}

/* The scope's own cgroup has to be empty before it can hand controllers down. */
static int sit_down(Scope *s, Error *error)
{
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *path = NULL;
        const char *mount_point;
        int r = cgroup_own(&s->cgroup);

        if (r >= 0)
                r = cgroup_mount_point(&mount_point);
        if (r < 0)
                return error_errno(error, -r, "Failed to find the cgroup of %s", s->unit);
        if (!strstr(s->cgroup, s->unit))
                return error_set(error, EPROTO, "systemd made %s, but we are in '%s'", s->unit,
                                 s->cgroup);
        if (asprintf(&path, "%s%s/supervisor", mount_point, s->cgroup) < 0) {
                path = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        if (mkdir(path, 0755) < 0 && errno != EEXIST)
                return error_errno(error, errno, "Failed to make '%s'", path);
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = fd < 0 ? -errno : cgroup_attach(fd, getpid());
        return r < 0 ? error_errno(error, -r, "Failed to move to '%s'", path) : 0;
}

static int on_request_stop(sd_bus_message *m, void *data, sd_bus_error *e)
{
        const Scope *s = data;

        (void)unit_message_send(s->launcher_fd, UNIT_STOP, NULL); /* gone: we end, too */
        return 0;
}

/* systemd goes on asking a name that nobody has any more, and takes no other one. Once the scope is
 * given up, it sends SCOPE_STOP_SIGNAL, as where there never was a bus. */
static int on_disconnected(sd_bus_message *m, void *data, sd_bus_error *e)
{
        _cleanup_bus_ sd_bus *bus = NULL;
        Scope *s = data;

        (void)sd_bus_detach_event(s->bus);
        if (bus_open_address(MANAGER_SOCKET, false, &bus, NULL) >= 0)
                (void)sd_bus_call_method(bus, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
                                         "AbandonScope", NULL, NULL, "s", s->unit);
        return 0;
}

static int listen_to_systemd(Scope *s, sd_event *event, bool private, Error *error)
{
        int r = 0;

        if (private)
                return 0;
        r = sd_bus_match_signal(s->bus, NULL, NULL, NULL, SYSTEMD_SCOPE, "RequestStop",
                                on_request_stop, s);
        if (r >= 0)
                r = sd_bus_match_signal(s->bus, NULL, NULL, "/org/freedesktop/DBus/Local",
                                        "org.freedesktop.DBus.Local", "Disconnected",
                                        on_disconnected, s);
        if (r >= 0)
                r = sd_bus_attach_event(s->bus, event, SD_EVENT_PRIORITY_NORMAL);
        return r < 0 ? bus_error_set(error, NULL, r, "Failed to listen to systemd") : 0;
}

int scope_take(Scope *s, char *const *fields, sd_event *event, int launcher_fd, Error *error)
{
        const char *name = unit_message_field(fields, "name");
        bool private = false;
        int r;

        if (!name || !unit_message_field(fields, "slice") || s->unit)
                return error_set(error, EBADMSG,
                                 "A request without name or slice, or a second one");
        s->launcher_fd = launcher_fd;
        if (systemd_scope_of(name, &s->unit) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        r = bus_open_manager(&s->bus, &private, error);
        if (r >= 0)
                r = start(s, fields, private, error);
        if (r >= 0)
                r = sit_down(s, error);
        if (r >= 0)
                r = listen_to_systemd(s, event, private, error);
        return r;
}

int scope_set(char *const *fields, Error *error)
{
        _cleanup_bus_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *m = NULL;
        _cleanup_bus_ sd_bus *bus = NULL;
        const char *unit = unit_message_field(fields, "unit");
        bool private;
        int r = unit ? bus_open_manager(&bus, &private, error)
                     : error_set(error, EBADMSG, "A request without unit");

        if (r < 0)
                return r;
        r = sd_bus_message_new_method_call(bus, &m, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
                                           "SetUnitProperties");
        if (r >= 0)
                r = sd_bus_message_append(m, "sb", unit, 1);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(sv)");
        if (r >= 0) {
                r = append_fields(m, fields, error);
                if (r < 0)
                        return r;
        }
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0)
                r = sd_bus_call(bus, m, 0, &e, NULL);
        return r < 0 ? bus_error_set(error, &e, r, "systemd does not change %s", unit) : 0;
}
