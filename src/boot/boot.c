/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a plan to a machine that is off again. */

#include "boot/boot.h"

#include "boot/start-gate.h"
#include "boot/supervisor.h"
#include "boot/unit.h"
#include "config/nspawn.h"
#include "os/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

/* Between two starts nothing of the first may be left: its processes are gone with their pid
 * namespace, their cgroups go here (CI-097, CI-164). */
static int reset_cgroup(Boot *b, Error *error)
{
        int r;

        if (!b->cgroup)
                return 0;
        closep(&b->payload_fd);
        b->payload_fd = -EBADF;
        r = boot_clear_cgroup(b, error);
        return r < 0 ? r : boot_make_payload(b, error);
}

/* A unit of systemd-nspawn's takes one status for the wish to be started again. */
static int exit_status(const BootPlan *plan, int status)
{
        return plan->as_nspawn && plan->keep_unit && status == NSPAWN_EXIT_REBOOT ? EXIT_FAILURE
                                                                                  : status;
}

/* What an update wants takes effect now. Without it the machine runs on as it was. */
static void refresh_layers(Boot *b)
{
        _cleanup_error_ Error problem = ERROR_NULL;

        if (b->source.layers && layer_root_refresh(b->source.layers, &problem) < 0)
                error_print(&problem);
}

static int run_until_off(Boot *b, Supervisor *s, Error *error)
{
        for (;;) {
                int status = EXIT_FAILURE, r = boot_start(b, error);

                if (r < 0)
                        return r;
                r = supervisor_run(s, &status, error);
                if (r == SUPERVISOR_OFF)
                        boot_network_withdraw(b);
                boot_end_start(b);
                if (r < 0)
                        return r;
                if (r == SUPERVISOR_OFF)
                        return exit_status(b->plan, status);
                if (b->plan->as_nspawn && b->plan->keep_unit)
                        return NSPAWN_EXIT_REBOOT;
                if (!b->plan->quiet)
                        fprintf(stderr, "Machine '%s' reboots.\n", b->plan->machine);
                unit_unregister(b);
                refresh_layers(b);
                r = reset_cgroup(b, error);
                if (r >= 0)
                        r = boot_keep_settings(b, error);
                if (r < 0)
                        return r;
        }
}

int boot_run(const BootPlan *plan, const RootSource *source, Error *error)
{
        _cleanup_(supervisor_freep) Supervisor *s = NULL;
        Boot b = {
                .plan = plan,
                .source = *source,
                .start_gate_fd = -EBADF,
                .directory_fd = -EBADF,
                .tree_fd = -EBADF,
                .tree_lock = TREE_LOCK_NULL,
                .range = USER_RANGE_NULL,
                .payload_fd = -EBADF,
                .unit_fd = -EBADF,
                .unit_pid_fd = -EBADF,
                .log = CONSOLE_LOG_NULL,
                .host_mounts_fd = -EBADF,
                .host_network_fd = -EBADF,
                .network = BOOT_NETWORK_NULL,
                .working_directory_fd = -EBADF,
                .ephemeral_fd = -EBADF,
                .pid_fd = -EBADF,
                .console_fd = -EBADF,
                .notify_fd = -EBADF,
                .kmsg_fd = -EBADF,
                .limits_view = LIMITS_VIEW_NULL,
        };
        int r;

        /* sockets that are passed on: not to our helpers, but kept for every start (CI-163, CI-175)
         */
        for (unsigned i = 0; i < plan->n_listen; i++)
                if (fcntl(3 + (int)i, F_SETFD, FD_CLOEXEC) < 0)
                        return error_errno(error, errno, "Socket %u of $LISTEN_FDS is not there",
                                           i);
        if (plan->keep_unit && plan->notify_ready)
                b.start_gate_fd = start_gate_enter(plan->machine, &b.start_turn_usec);
        r = boot_acquire(&b, error);
        if (r >= 0)
                r = supervisor_new(&b, &s, error);
        if (r >= 0)
                r = run_until_off(&b, s, error);
        s = supervisor_free(s); /* the terminal first, so that messages read well */
        boot_release(&b);
        closep(&b.start_gate_fd);
        return r;
}
