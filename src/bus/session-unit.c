/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* StartTransientUnit() and the changes of org.freedesktop.systemd1.Service(5). A unit that has
 * ended is forgotten at once, so its status is read from the signal that tells of the end. */

#include "bus/session-unit.h"

#include "base/cleanup.h"

#include "bus/job.h"
#include "bus/systemd.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYSTEMD_SERVICE "org.freedesktop.systemd1.Service"
#define PROPERTIES "org.freedesktop.DBus.Properties"

/* Those from here on are systemd's own, for what it does before the program, systemd.exec(5). */
#define STATUS_SYSTEMD_MIN 200

struct SessionWatch {
        sd_bus *bus;
        sd_bus_slot *slot;
        char *path; /* of the unit */
        int32_t code, status;
};

SessionWatch *session_watch_free(SessionWatch *w)
{
        if (!w)
                return NULL;
        sd_bus_slot_unref(w->slot);
        sd_bus_close_unref(w->bus); /* nothing is to be flushed, and who knows who listens */
        free(w->path);
        free(w);
        return NULL;
}

/* One "{sv}" of changed properties. */
static int read_property(SessionWatch *w, sd_bus_message *m)
{
        const char *name;
        int r = sd_bus_message_read(m, "s", &name);

        if (r < 0)
                return r;
        if (strcmp(name, "ExecMainCode") == 0)
                return sd_bus_message_read(m, "v", "i", &w->code);
        if (strcmp(name, "ExecMainStatus") == 0)
                return sd_bus_message_read(m, "v", "i", &w->status);
        return sd_bus_message_skip(m, "v");
}

static int on_changed(sd_bus_message *m, void *data, sd_bus_error *e)
{
        SessionWatch *w = data;
        const char *interface;
        int r = sd_bus_message_read(m, "s", &interface);

        if (r < 0 || strcmp(interface, SYSTEMD_SERVICE) != 0)
                return 0;
        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = read_property(w, m);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return 0; /* what makes no sense says nothing */
}

int session_watch_new(int bus_fd_take, bool is_bus, const char *unit, SessionWatch **ret,
                      Error *error)
{
        _cleanup_session_watch_ SessionWatch *w = calloc(1, sizeof(SessionWatch));
        int r;

        if (!w) {
                (void)close(bus_fd_take); /* nothing was said */
                return error_set(error, ENOMEM, "Out of memory");
        }
        r = bus_open_fd(bus_fd_take, is_bus, &w->bus, error);
        if (r < 0)
                return r;
        r = sd_bus_set_method_call_timeout(w->bus, BUS_PATIENCE_USEC);
        if (r >= 0)
                r = sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &w->path);
        if (r >= 0)
                r = sd_bus_match_signal(w->bus, &w->slot, NULL, w->path, PROPERTIES,
                                        "PropertiesChanged", on_changed, w);
        /* systemd speaks to a bus only when someone listens, to its own socket always */
        if (r >= 0 && is_bus)
                r = sd_bus_call_method(w->bus, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
                                       "Subscribe", NULL, NULL, NULL);
        if (r < 0) {
                (void)bus_error_set(error, NULL, r, "systemd of the machine does not answer");
                return -ENXIO;
        }
        *ret = TAKE_PTR(w);
        return 0;
}

static int append_session(sd_bus_message *m, const SessionUnit *u)
{
        int r = sd_bus_message_append(m, "(sv)(sv)(sv)(sv)", "PAMName", "s", u->pam, "UtmpMode",
                                      "s", "user", "WorkingDirectory", "s", "-~", "User", "s",
                                      u->user);

        if (r < 0 || !u->environment)
                return r;
        r = sd_bus_message_open_container(m, 'r', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", "Environment");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_append_strv(m, (char **)(void *)u->environment);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* What a shell ends with is nobody's failure, unlike what systemd says before it runs. */
static int append_success(sd_bus_message *m)
{
        int32_t statuses[STATUS_SYSTEMD_MIN];
        int r = sd_bus_message_open_container(m, 'r', "sv");

        for (int i = 0; i < STATUS_SYSTEMD_MIN; i++)
                statuses[i] = i;
        if (r >= 0)
                r = sd_bus_message_append(m, "s", "SuccessExitStatus");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "(aiai)");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'r', "aiai");
        if (r >= 0)
                r = sd_bus_message_append_array(m, 'i', statuses, sizeof(statuses));
        if (r >= 0)
                r = sd_bus_message_append(m, "ai", 0);
        for (int i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

static int append_command(sd_bus_message *m, const SessionUnit *u)
{
        int r = sd_bus_message_open_container(m, 'r', "sv");

        if (r >= 0)
                r = sd_bus_message_append(m, "s", "ExecStart");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "a(sasb)");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(sasb)");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'r', "sasb");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", u->path);
        if (r >= 0)
                r = sd_bus_message_append_strv(m, (char **)(void *)u->argv);
        if (r >= 0)
                r = sd_bus_message_append(m, "b", false);
        for (int i = 0; r >= 0 && i < 4; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

static int append_unit(sd_bus_message *m, const SessionUnit *u)
{
        char tty[64];
        int r;

        (void)snprintf(tty, sizeof(tty), "/dev/%s", u->tty);
        r = sd_bus_message_append(m, "ss", u->name, "fail");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(sv)");
        if (r >= 0)
                r = sd_bus_message_append(m, "(sv)(sv)(sv)(sv)(sv)(sv)(sv)(sv)(sv)(sv)(sv)",
                                          "Description", "s", u->description, "CollectMode", "s",
                                          "inactive-or-failed", "StandardInputFileDescriptor", "h",
                                          u->tty_fd, "StandardOutputFileDescriptor", "h", u->tty_fd,
                                          "StandardErrorFileDescriptor", "h", u->tty_fd,
                                          "SendSIGHUP", "b", true, "IgnoreSIGPIPE", "b", false,
                                          "KillMode", "s", "mixed", "TTYPath", "s", tty, "TTYReset",
                                          "b", true, "UtmpIdentifier", "s", u->tty);
        if (r >= 0 && u->user)
                r = append_session(m, u);
        if (r >= 0)
                r = append_success(m);
        if (r >= 0)
                r = append_command(m, u);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_append(m, "a(sa(sv))", 0);
}

/* A machine that still boots, or never gets far enough, holds units back behind basic.target. */
static int wait_started(SessionWatch *w, JobQueue *jobs, const char *job, const char *unit,
                        Error *error)
{
        int r = job_queue_wait(jobs, job, unit, BUS_PATIENCE_USEC, NULL);

        if (r >= 0)
                return 0;
        /* takes the job back; whether it was in time does not matter, the terminal goes away */
        (void)sd_bus_call_method(w->bus, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "StopUnit",
                                 NULL, NULL, "ss", unit, "replace");
        (void)error_set(error, -r, "systemd of the machine does not start the session %s",
                        r == -ETIMEDOUT ? "yet: it is still booting, or busy" : "");
        return -ENXIO;
}

int session_unit_start(SessionWatch *w, const SessionUnit *unit, Error *error)
{
        _cleanup_bus_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *m = NULL, *reply = NULL;
        _cleanup_job_queue_ JobQueue *jobs = NULL;
        const char *job;
        int r = job_queue_new(w->bus, &jobs, error);

        if (r < 0)
                return -ENXIO;
        r = sd_bus_message_new_method_call(w->bus, &m, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
                                           "StartTransientUnit");
        if (r >= 0)
                r = append_unit(m, unit);
        if (r >= 0)
                r = sd_bus_call(w->bus, m, 0, &e, &reply);
        if (r >= 0)
                r = sd_bus_message_read(reply, "o", &job);
        if (r >= 0)
                return wait_started(w, jobs, job, unit->name, error);
        (void)bus_error_set(error, &e, r, "systemd of the machine starts no session");
        return -ENXIO;
}

int session_unit_wait(SessionWatch *w, Error *error)
{
        while (w->code == 0) {
                int r = sd_bus_process(w->bus, NULL);

                if (r == 0)
                        r = sd_bus_wait(w->bus, UINT64_MAX);
                if (r < 0 && r != -EINTR) {
                        (void)bus_error_set(error, NULL, r, "Lost systemd of the machine");
                        return -ENOTCONN;
                }
        }
        return w->code == CLD_EXITED ? w->status & 0xff : 128 + (w->status & 0x7f);
}

int session_unit_explain(int status, const char *user, Error *error)
{
        static const struct {
                int status;
                const char *why;
        } rows[] = {
                { 200, "it has no such working directory" },
                { 203, "the program cannot be executed" },
                { 216, "the user's groups cannot be set" },
                { 224, "PAM refuses it" },
        };

        if (status < STATUS_SYSTEMD_MIN)
                return 0;
        if (status == 217 && user)
                return error_set(error, ESRCH, "The machine has no user '%s'", user);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (rows[i].status == status)
                        return error_set(error, EPROTO,
                                         "systemd of the machine could not begin the session: %s",
                                         rows[i].why);
        return error_set(error, EPROTO,
                         "systemd of the machine could not begin the session (status %d)", status);
}

int session_unit_is_running(SessionWatch *w)
{
        int32_t code = -1;
        int r = sd_bus_get_property_trivial(w->bus, SYSTEMD_NAME, w->path, SYSTEMD_SERVICE,
                                            "ExecMainCode", NULL, 'i', &code);

        /* a unit that is not loaded has a path, and the properties of one that never ran */
        if (r >= 0 && code == 0) {
                uint32_t pid = 0;

                r = sd_bus_get_property_trivial(w->bus, SYSTEMD_NAME, w->path, SYSTEMD_SERVICE,
                                                "MainPID", NULL, 'u', &pid);
                return r < 0 ? 0 : pid > 0;
        }
        return 0;
}
