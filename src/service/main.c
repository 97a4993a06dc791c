/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* steadd: org.stead1 on the system bus. Started by the first call, gone when nobody needs it; no
 * machine does. One thread, one event loop. */

#include "base/parse.h"
#include "service/child.h"
#include "service/names.h"
#include "service/service.h"

#include <getopt.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define IDLE_USEC (30 * USEC_PER_SEC)

typedef struct Loop {
        sd_event *event;
        sd_bus *bus;
        Service *service;
        uint64_t idle_usec;
        sd_bus_slot *release, *disconnected;
        bool leaving;
} Loop;

static void loop_done(Loop *l)
{
        l->service = service_free(l->service);
        sd_bus_slot_unref(l->release);
        sd_bus_slot_unref(l->disconnected);
        sd_bus_flush_close_unref(l->bus);
        sd_event_unref(l->event);
}

static void print_help(void)
{
        puts("steadd [OPTIONS]\n\n"
             "Offers machines on the system bus as org.stead1. Started by the bus.\n\n"
             "      --exit-idle-time=SPAN  Leave after so long without work (default: 30s)\n"
             "  -h, --help                 Show this text\n"
             "      --version              Show the version");
}

/* 1: there is nothing left to do. */
static int parse_options(int argc, char **argv, Loop *l, Error *error)
{
        static const struct option options[] = {
                { "exit-idle-time", required_argument, NULL, 'i' },
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, 'v' },
                {},
        };
        int c;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0)
                switch (c) {
                case 'i':
                        if (parse_time(optarg, USEC_PER_SEC, &l->idle_usec) < 0)
                                return error_set(error, EINVAL,
                                                 "--exit-idle-time= takes a time like 30s, not "
                                                 "'%s'",
                                                 optarg);
                        break;
                case 'h':
                        print_help();
                        return 1;
                case 'v':
                        puts("steadd " STEAD_VERSION);
                        return 1;
                default:
                        error_hint(error, "steadd --help");
                        return error_set(error, EINVAL, "The command line is wrong");
                }
        if (optind < argc)
                return error_set(error, EINVAL, "'%s' is one word too many", argv[optind]);
        return 0;
}

/* The bus has gone, and with it all who could call. What was begun goes on. */
static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        Loop *l = userdata;

        return sd_event_exit(l->event, EXIT_SUCCESS);
}

/* The name is free, calls start another one of us. But some may have come before. */
static int on_released(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        Loop *l = userdata;

        if (service_is_idle(l->service))
                return sd_event_exit(l->event, EXIT_SUCCESS);
        l->leaving = false;
        if (sd_bus_request_name(l->bus, STEAD1_NAME, 0) < 0)
                l->leaving = true; /* another one has it; finish what is there */
        return 0;
}

static int leave(Loop *l)
{
        l->leaving = true;
        l->release = sd_bus_slot_unref(l->release);
        return sd_bus_call_method_async(l->bus, &l->release, "org.freedesktop.DBus",
                                        "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                        "ReleaseName", on_released, l, "s", STEAD1_NAME);
}

static int open_event(Loop *l)
{
        sigset_t signals;
        int r = sd_event_default(&l->event);

        /* sd-event takes these from a descriptor */
        (void)sigemptyset(&signals);
        (void)sigaddset(&signals, SIGCHLD);
        (void)sigaddset(&signals, SIGTERM);
        (void)sigaddset(&signals, SIGINT);
        if (r >= 0 && sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
                r = -errno;
        if (r >= 0)
                r = sd_event_add_signal(l->event, NULL, SIGTERM, NULL, NULL);
        if (r >= 0)
                r = sd_event_add_signal(l->event, NULL, SIGINT, NULL, NULL);
        if (r >= 0)
                r = sd_event_set_watchdog(l->event, true);
        return r;
}

static int open_bus(Loop *l, Error *error)
{
        int r = bus_open_system(&l->bus, error);

        if (r >= 0)
                r = sd_bus_attach_event(l->bus, l->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = sd_bus_match_signal(l->bus, &l->disconnected, "org.freedesktop.DBus.Local",
                                        "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local",
                                        "Disconnected", on_disconnected, l);
        if (r >= 0)
                r = service_new(l->event, l->bus, &l->service, error);
        if (r < 0)
                return error_errno(error, -r, "Failed to use the bus");
        /* objects first: a call must not come before them */
        r = sd_bus_request_name(l->bus, STEAD1_NAME, 0);
        if (r == -EEXIST) {
                error_hint(error, "busctl status " STEAD1_NAME);
                return error_set(error, EEXIST, "Another process is " STEAD1_NAME);
        }
        return r < 0 ? error_errno(error, -r, "Failed to become " STEAD1_NAME) : 0;
}

/* What machines do is no work of ours: a status that changes every second must not keep us. */
static int run(Loop *l, Error *error)
{
        while (sd_event_get_state(l->event) != SD_EVENT_FINISHED) {
                bool idle = service_is_idle(l->service) && !l->leaving;
                uint64_t now = clock_now_usec(), passed, left = UINT64_MAX;
                int r;

                if (!idle)
                        l->service->active_usec = now;
                passed = now - l->service->active_usec;
                if (idle && l->idle_usec != USEC_INFINITY)
                        left = passed < l->idle_usec ? l->idle_usec - passed : 0;
                /* with nothing left to wait for, what has come already is still taken */
                r = sd_event_run(l->event, left);
                if (r == 0 && left == 0)
                        r = leave(l);
                if (r < 0)
                        return error_errno(error, -r, "Failed to wait for work");
        }
        return 0;
}

static int steadd(int argc, char **argv, Error *error)
{
        _cleanup_(loop_done) Loop l = { .idle_usec = IDLE_USEC };
        int r = parse_options(argc, argv, &l, error);

        if (r != 0)
                return r;
        if (geteuid() != 0) {
                error_hint(error, "busctl introspect " STEAD1_NAME " " STEAD1_PATH);
                return error_set(error, EPERM, "steadd is for root, and started by the bus");
        }
        (void)setgroups(0, NULL); /* what nobody may read must not be ours by a group */
        child_raise_file_limit();
        r = open_event(&l);
        if (r < 0)
                return error_errno(error, -r, "Failed to prepare");
        r = open_bus(&l, error);
        return r < 0 ? r : run(&l, error);
}

int main(int argc, char **argv)
{
        _cleanup_error_ Error error = ERROR_NULL;

        if (steadd(argc, argv, &error) < 0) {
                error_print(&error);
                return EXIT_FAILURE;
        }
        return EXIT_SUCCESS;
}
