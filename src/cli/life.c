/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Start, stop and reboot: first every machine is asked, then all are waited for. */

#include "cli/life.h"

#include "base/parse.h"
#include "base/strv.h"
#include "cli/launcher.h"
#include "machine/machine.h"
#include "os/clock.h"
#include "os/pidfd.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>

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

static int start_one(const char *name, LauncherStart *start, Error *error)
{
        _cleanup_strv_ char **options = NULL;
        _cleanup_machine_ Machine *m = NULL;
        int r;

        if (machine_open(name, &m, NULL) >= 0) {
                note(name, "is running already");
                return 0;
        }
        r = launcher_start_options(name, &options, error);
        if (r < 0)
                return r;
        return launcher_start(name, options, start, error);
}

int life_start(char *const *names, bool block, uint64_t timeout_usec)
{
        size_t n = strv_length(names);
        LauncherStart *starts = calloc(n, sizeof(LauncherStart));
        uint64_t since = clock_now_usec();
        int status = EXIT_SUCCESS;

        if (!starts)
                return EXIT_FAILURE;
        for (size_t i = 0; i < n; i++) {
                _cleanup_error_ Error error = ERROR_NULL;

                starts[i] = LAUNCHER_START_NULL;
                if (start_one(names[i], &starts[i], &error) < 0) {
                        error_print(&error);
                        status = EXIT_FAILURE;
                }
        }
        for (size_t i = 0; i < n; i++) {
                _cleanup_error_ Error error = ERROR_NULL;

                if (block && starts[i].pid_fd >= 0 &&
                    launcher_start_wait(&starts[i], time_left(since, timeout_usec), &error) < 0) {
                        error_print(&error);
                        status = EXIT_FAILURE;
                }
                launcher_start_done(&starts[i]);
        }
        free(starts);
        return status;
}

static int stop_one(const Machine *m, bool force, Error *error)
{
        int r;

        if (force)
                r = pidfd_signal(m->leader_fd, SIGKILL); /* its pid namespace goes with it */
        else if (m->state == MACHINE_STOPPING)
                r = 0; /* a second SIGTERM would mean: kill */
        else
                r = pidfd_signal(m->launcher_fd, SIGTERM);
        if (r < 0 && r != -ESRCH)
                return error_errno(error, -r, "Failed to stop machine '%s'", m->name);
        return 0;
}

static int wait_stopped(const Machine *m, uint64_t timeout_usec, Error *error)
{
        int r = pidfd_wait_end(m->launcher_fd, to_poll_ms(timeout_usec));

        if (r < 0)
                return error_errno(error, -r, "Failed to wait for machine '%s'", m->name);
        if (r == 0) {
                error_hint(error, "stead stop --force %s", m->name);
                return error_set(error, ETIMEDOUT, "Machine '%s' is still stopping", m->name);
        }
        return 0;
}

int life_stop(char *const *names, bool force, bool block, uint64_t timeout_usec)
{
        size_t n = strv_length(names);
        Machine **machines = calloc(n, sizeof(Machine *));
        uint64_t since = clock_now_usec();
        int status = EXIT_SUCCESS;

        if (!machines)
                return EXIT_FAILURE;
        for (size_t i = 0; i < n; i++) {
                _cleanup_error_ Error error = ERROR_NULL;

                if (machine_open(names[i], &machines[i], &error) == -ENXIO) {
                        note(names[i], "is not running");
                } else if (!machines[i] || stop_one(machines[i], force, &error) < 0) {
                        error_print(&error);
                        status = EXIT_FAILURE;
                        machines[i] = machine_free(machines[i]);
                }
        }
        for (size_t i = 0; i < n; i++) {
                _cleanup_error_ Error error = ERROR_NULL;

                if (!machines[i] || !block)
                        continue;
                if (wait_stopped(machines[i], time_left(since, timeout_usec), &error) < 0) {
                        error_print(&error);
                        status = EXIT_FAILURE;
                } else {
                        launcher_forget(names[i], false);
                }
        }
        machine_list_free(machines, n);
        return status;
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
