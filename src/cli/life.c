/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Start, stop and reboot: first every machine is asked, then all are waited for. */

#include "cli/life.h"

#include "base/parse.h"
#include "base/strv.h"
#include "bus/systemd.h"
#include "bus/unit-control.h"
#include "cli/launcher.h"
#include "cli/life-systemd.h"
#include "cli/net-check.h"
#include "machine/machine.h"
#include "os/clock.h"
#include "os/pidfd.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>

/* How long a launcher may take to clean up after a machine that was killed. */
#define FORCE_PATIENCE_USEC (10 * USEC_PER_SEC)

/* What is left of a wait that began at @since. */
static uint64_t time_left(uint64_t since, uint64_t timeout_usec)
{
        uint64_t passed = clock_now_usec() - since;

        if (timeout_usec == USEC_INFINITY)
                return timeout_usec;
        return passed < timeout_usec ? timeout_usec - passed : 0;
}

static int to_poll_ms(uint64_t usec)
{
        if (usec == USEC_INFINITY)
                return -1;
        return (int)MIN_OF((usec + 999) / 1000, (uint64_t)INT32_MAX);
}

static void note(const char *name, const char *text)
{
        fprintf(stderr, "Machine '%s' %s.\n", name, text);
}

/* One machine on its way: as a unit's job, or as a launcher of our own. */
typedef struct Start {
        LifeJob job;
        LauncherStart launcher;
} Start;

static int start_launcher(const char *name, LauncherStart *start, Error *error)
{
        _cleanup_strv_ char **options = NULL;
        int r = launcher_start_options(name, &options, error);

        return r < 0 ? r : launcher_start(name, options, start, error);
}

static int start_unit(LifeManager *manager, const char *method, const char *name, LifeJob *job,
                      Error *error)
{
        _cleanup_free_ char *unit = NULL;
        int r;

        if (systemd_service_of(name, &unit) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        r = life_job_begin(manager, method, unit, job, error);
        if (r < 0 && error && !error->hint)
                error_hint(error, "systemctl status %s", unit); /* it may be masked */
        return r;
}

static int start_one(LifeManager *manager, const char *name, Start *start, Error *error)
{
        _cleanup_machine_ Machine *m = NULL;

        if (machine_open(name, &m, NULL) >= 0) {
                note(name, "is running already");
                return 0;
        }
        return manager ? start_unit(manager, "StartUnit", name, &start->job, error)
                       : start_launcher(name, &start->launcher, error);
}

static int wait_started(LifeManager *manager, Start *start, const char *name, uint64_t timeout_usec,
                        Error *error)
{
        int r = 0;

        if (start->launcher.pid_fd >= 0)
                return launcher_start_wait(&start->launcher, timeout_usec, error);
        if (start->job.job)
                r = life_job_wait(manager, &start->job, name, timeout_usec, error);
        if (r == -ETIMEDOUT) {
                error_hint(error, "stead logs %s", name);
                return error_set(error, ETIMEDOUT, "Machine '%s' was started but is not ready yet",
                                 name);
        }
        return r;
}

/* Prints what is in @error, if anything. */
static int status_of(int r, const Error *error)
{
        if (r >= 0)
                return EXIT_SUCCESS;
        error_print(error);
        return EXIT_FAILURE;
}

/* @begin: start_one, or what begins a restart. */
static int begin_all(LifeManager *manager, char *const *names, bool block, uint64_t timeout_usec,
                     int (*begin)(LifeManager *, const char *, Start *, Error *))
{
        size_t n = strv_length(names);
        Start *starts = calloc(n, sizeof(Start));
        uint64_t since = clock_now_usec();
        int status = EXIT_SUCCESS;

        if (!starts)
                return EXIT_FAILURE;
        for (size_t i = 0; i < n; i++) {
                _cleanup_error_ Error error = ERROR_NULL;

                starts[i] = (Start){ .launcher = LAUNCHER_START_NULL };
                status |= status_of(begin(manager, names[i], &starts[i], &error), &error);
        }
        for (size_t i = 0; i < n; i++) {
                _cleanup_error_ Error error = ERROR_NULL;

                if (block) {
                        int r = wait_started(manager, &starts[i], names[i],
                                             time_left(since, timeout_usec), &error);

                        status |= status_of(r, &error);
                        if (r >= 0)
                                net_check_brief(names[i]);
                }
                launcher_start_done(&starts[i].launcher);
                life_job_done(&starts[i].job);
        }
        free(starts);
        return status;
}

/* Opens the manager, if machines are its units, with what the definitions say now. */
static int open_manager(char *const *names, LifeManager **ret)
{
        _cleanup_error_ Error error = ERROR_NULL;
        int r = life_manager_open(ret);

        if (r > 0)
                r = life_manager_refresh(*ret, names, &error);
        return status_of(r, &error);
}

int life_start(char *const *names, bool block, uint64_t timeout_usec)
{
        _cleanup_life_manager_ LifeManager *manager = NULL;
        int status = open_manager(names, &manager);

        return status == EXIT_SUCCESS ? begin_all(manager, names, block, timeout_usec, start_one)
                                      : status;
}

/* One machine on its way out. */
typedef struct Stop {
        Machine *machine;
        LifeJob job;
} Stop;

static void stop_done(Stop *s)
{
        machine_free(s->machine);
        life_job_done(&s->job);
}

static int stop_machine(LifeManager *manager, Stop *s, bool force, Error *error)
{
        const Machine *m = s->machine;
        int r = 0;

        /* systemd has to know that it is meant, or it would call the end a failure */
        if (manager && life_unit_is_service(m->unit)) {
                r = life_job_begin(manager, "StopUnit", m->unit, &s->job, error);
                if (r < 0)
                        return r;
        } else if (!force && m->state != MACHINE_STOPPING) { /* a second SIGTERM would mean: kill */
                r = pidfd_signal(m->launcher_fd, SIGTERM);
        }
        if (force)
                r = pidfd_signal(m->leader_fd, SIGKILL); /* its pid namespace goes with it */
        if (r < 0 && r != -ESRCH)
                return error_errno(error, -r, "Failed to stop machine '%s'", m->name);
        return 0;
}

static int stop_one(LifeManager *manager, const char *name, bool force, Stop *s, Error *error)
{
        _cleanup_free_ char *unit = NULL;
        _cleanup_error_ Error problem = ERROR_NULL;
        int r = machine_open(name, &s->machine, &problem);

        if (r >= 0)
                return stop_machine(manager, s, force, error);
        if (r != -ENXIO)
                return error_move(error, &problem);
        r = manager ? life_manager_find(manager, name, &unit, error) : 0;
        if (r < 0)
                return r;
        if (unit) /* it starts just now, or waits to be started again */
                return life_job_begin(manager, "StopUnit", unit, &s->job, error);
        note(name, "is not running");
        return 0;
}

static int still_stopping(const char *name, Error *error)
{
        error_hint(error, "stead stop --force %s", name);
        return error_set(error, ETIMEDOUT, "Machine '%s' is still stopping", name);
}

/* A launcher that does not end although its machine is dead goes the same way. */
static int kill_unit(LifeManager *manager, const Stop *s, const char *name, Error *error)
{
        int r = life_job_wait(manager, &s->job, name, FORCE_PATIENCE_USEC, error);

        return r == -ETIMEDOUT
                       ? systemd_kill_unit(life_manager_bus(manager), s->job.unit, SIGKILL, error)
                       : r;
}

static int wait_stopped(LifeManager *manager, const Stop *s, const char *name, bool force,
                        uint64_t timeout_usec, Error *error)
{
        int r = 0;

        if (s->job.job) {
                if (force)
                        r = kill_unit(manager, s, name, error);
                if (r >= 0)
                        r = life_job_wait(manager, &s->job, name, timeout_usec, error);
                if (r >= 0 && force) /* what was asked for is no failure; at worst it is shown */
                        (void)systemd_reset_failed(life_manager_bus(manager), s->job.unit, NULL);
                return r == -ETIMEDOUT ? still_stopping(name, error) : r;
        }
        r = pidfd_wait_end(s->machine->launcher_fd, to_poll_ms(timeout_usec));
        if (r < 0)
                return error_errno(error, -r, "Failed to wait for machine '%s'", name);
        return r == 0 ? still_stopping(name, error) : 0;
}

static int stop_all(LifeManager *manager, char *const *names, bool force, bool block,
                    uint64_t timeout_usec)
{
        size_t n = strv_length(names);
        Stop *stops = calloc(n, sizeof(Stop));
        uint64_t since = clock_now_usec();
        int status = EXIT_SUCCESS;

        if (!stops)
                return EXIT_FAILURE;
        for (size_t i = 0; i < n; i++) {
                _cleanup_error_ Error error = ERROR_NULL;
                int r = stop_one(manager, names[i], force, &stops[i], &error);

                status |= status_of(r, &error);
                if (r < 0)
                        stops[i].machine = machine_free(stops[i].machine);
        }
        for (size_t i = 0; i < n; i++) {
                _cleanup_error_ Error error = ERROR_NULL;
                int r;

                if (block && (stops[i].machine || stops[i].job.job)) {
                        r = wait_stopped(manager, &stops[i], names[i], force,
                                         time_left(since, timeout_usec), &error);
                        status |= status_of(r, &error);
                        if (r >= 0)
                                launcher_forget(names[i], false);
                }
                stop_done(&stops[i]);
        }
        free(stops);
        return status;
}

int life_stop(char *const *names, bool force, bool block, uint64_t timeout_usec)
{
        _cleanup_life_manager_ LifeManager *manager = NULL;

        if (life_manager_open(&manager) < 0)
                return EXIT_FAILURE;
        return stop_all(manager, names, force, block, timeout_usec);
}

/* With one job where the unit runs, so that what depends on it comes along. */
static int restart_one(LifeManager *manager, const char *name, Start *start, Error *error)
{
        return start_unit(manager, "RestartUnit", name, &start->job, error);
}

/* Those of @names that do not run as a unit: by hand, or not at all. */
static int find_others(LifeManager *manager, char *const *names, char ***ret, Error *error)
{
        for (char *const *n = names; n && *n; n++) {
                _cleanup_free_ char *unit = NULL;
                int r = life_manager_find(manager, *n, &unit, error);

                if (r < 0)
                        return r;
                if (!unit && strv_push(ret, *n) < 0)
                        return error_set(error, ENOMEM, "Out of memory");
        }
        return 0;
}

int life_restart(char *const *names, uint64_t timeout_usec)
{
        _cleanup_life_manager_ LifeManager *manager = NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_strv_ char **others = NULL;
        int status = open_manager(names, &manager);

        if (status != EXIT_SUCCESS)
                return status;
        if (manager)
                status = status_of(find_others(manager, names, &others, &error), &error);
        if (status == EXIT_SUCCESS && (!manager || others))
                status = stop_all(manager, manager ? others : names, false, true, timeout_usec);
        if (status != EXIT_SUCCESS)
                return status;
        return begin_all(manager, names, true, timeout_usec, manager ? restart_one : start_one);
}

/* The machine is back when its state file names another PID 1 that is ready. */
static int wait_rebooted(const Machine *old, uint64_t since, uint64_t timeout_usec, Error *error)
{
        for (;;) {
                _cleanup_machine_ Machine *m = NULL;

                if (machine_open(old->name, &m, NULL) >= 0 &&
                    (m->leader != old->leader || m->leader_start != old->leader_start) &&
                    m->state == MACHINE_RUNNING)
                        return 0;
                if (!pidfd_is_alive(old->launcher_fd))
                        return launcher_last_words(old->name, error,
                                                   "Machine '%s' stopped instead of rebooting",
                                                   old->name);
                if (time_left(since, timeout_usec) == 0) {
                        error_hint(error, "stead logs %s", old->name);
                        return error_set(error, ETIMEDOUT, "Machine '%s' is still rebooting",
                                         old->name);
                }
                (void)poll(NULL, 0, 50); /* the state file has no descriptor to wait on */
        }
}

int life_reboot(char *const *names, bool block, uint64_t timeout_usec)
{
        size_t n = strv_length(names);
        Machine **machines = calloc(n, sizeof(Machine *));
        uint64_t since = clock_now_usec();
        int status = EXIT_SUCCESS;

        if (!machines)
                return EXIT_FAILURE;
        for (size_t i = 0; i < n; i++) {
                _cleanup_error_ Error error = ERROR_NULL;
                int r = machine_open(names[i], &machines[i], &error);

                if (r >= 0)
                        r = pidfd_signal(machines[i]->launcher_fd, SIGUSR1);
                if (r < 0) {
                        (void)error_errno(&error, -r, "Failed to reboot machine '%s'", names[i]);
                        error_print(&error);
                        status = EXIT_FAILURE;
                        machines[i] = machine_free(machines[i]);
                }
        }
        for (size_t i = 0; i < n; i++) {
                _cleanup_error_ Error error = ERROR_NULL;

                if (machines[i] && block &&
                    wait_rebooted(machines[i], since, timeout_usec, &error) < 0) {
                        error_print(&error);
                        status = EXIT_FAILURE;
                }
        }
        machine_list_free(machines, n);
        return status;
}

static int enable_one(LifeManager *manager, const char *name, bool enable, Error *error)
{
        _cleanup_free_ char *unit = NULL;

        if (systemd_service_of(name, &unit) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        return systemd_enable(life_manager_bus(manager), unit, enable, error);
}

int life_forget(char *const *names, Error *error)
{
        _cleanup_life_manager_ LifeManager *manager = NULL;
        int changed = 0, r = life_manager_open(&manager);

        if (r < 0)
                return error_set(error, ENOMEM, "Out of memory");
        for (char *const *n = names; manager && n && *n; n++) {
                _cleanup_free_ char *unit = NULL;

                if (systemd_service_of(*n, &unit) < 0)
                        return error_set(error, ENOMEM, "Out of memory");
                r = systemd_enable(life_manager_bus(manager), unit, false, error);
                if (r < 0)
                        return r;
                changed |= r;
                r = systemd_reset_failed(life_manager_bus(manager), unit, error);
                if (r < 0)
                        return r;
        }
        return changed ? systemd_reload(life_manager_bus(manager), error) : 0;
}

int life_enable(char *const *names, bool enable, Error *error)
{
        _cleanup_life_manager_ LifeManager *manager = NULL;
        int changed = 0, r = life_manager_open(&manager);

        if (r < 0)
                return error_set(error, ENOMEM, "Out of memory");
        if (!manager) {
                error_hint(error, "call `stead start %s` where this host starts its services",
                           names[0]);
                return error_set(error, EOPNOTSUPP,
                                 "Only a host with systemd and the unit stead@.service starts "
                                 "machines by itself");
        }
        for (char *const *n = names; n && *n; n++) {
                r = enable_one(manager, *n, enable, error);
                if (r < 0)
                        return r;
                changed |= r;
        }
        return changed ? systemd_reload(life_manager_bus(manager), error) : 0;
}
