/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A running machine as its supervisor describes it: /run/stead/machines/NAME/state, KEY=VALUE
 * lines, replaced atomically. Every verb finds a machine here and holds it by pidfd; a bare number
 * is believed only together with the process's start time. */

#include "base/error.h"
#include "base/parse.h"
#include "base/string-table.h"
#include "os/capability.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#define STEAD_RUN_DIRECTORY "/run/stead"
#define MACHINES_DIRECTORY STEAD_RUN_DIRECTORY "/machines"

typedef enum MachineState {
        MACHINE_STARTING, /* PID 1 runs, the payload has not said that it is ready */
        MACHINE_RUNNING,
        MACHINE_STOPPING,
        _MACHINE_STATE_MAX,
        _MACHINE_STATE_INVALID = -EINVAL,
} MachineState;
DECLARE_STRING_TABLE(machine_state, MachineState);

/* What PID 1 of the tree is: decides how it is stopped, and when it is ready. */
typedef enum InitKind {
        INIT_NONE, /* a plain command */
        INIT_SYSTEMD,
        INIT_SYSVINIT,
        INIT_OPENRC,
        INIT_RUNIT,
        INIT_S6,
        INIT_BUSYBOX,
        INIT_OTHER, /* any other program: SIGTERM stops it */
        _INIT_KIND_MAX,
        _INIT_KIND_INVALID = -EINVAL,
} InitKind;
DECLARE_STRING_TABLE(init_kind, InitKind);

typedef struct Machine {
        char *name;
        Id128 uuid;
        MachineState state;
        InitKind init;
        char *status;           /* last STATUS= of the payload, or NULL */
        pid_t leader, launcher; /* PID 1 of the machine and its supervisor, host numbers */
        uint64_t leader_start, launcher_start; /* field 22 of /proc/PID/stat */
        char *root;                            /* the tree on the host */
        char *cgroup; /* absolute directory of the payload in the cgroup2 mount, or NULL */
        char *unit;   /* of the host's systemd: "stead@web.service", "machine-web.scope", or NULL */
        uint32_t uid_base, uid_size; /* size 0: no user namespace */
        bool private_network;
        uint64_t started_usec, ready_usec; /* CLOCK_REALTIME; 0: not yet */
        CapabilitySet bounding;
        bool no_new_privileges;
        char *seccomp; /* a SeccompProfile by name, or the file with the filter's sock_filter array
                        */
        struct rlimit rlimits[RLIM_NLIMITS]; /* as PID 1 was started with */
        char *container_service;

        int leader_fd, launcher_fd; /* pidfds; -EBADF in the supervisor's own copy */
} Machine;

#define _cleanup_machine_ _cleanup_(machine_freep)
int machine_new(const char *name, Machine **ret);
Machine *machine_free(Machine *m);
DEFINE_CLEANUP(Machine, machine_free)

/* Finds a running machine and pins leader and launcher. -ENXIO with a hint when it does not run. A
 * state file whose launcher is gone counts as not running. */
int machine_open(const char *name, Machine **ret, Error *error);
/* All running machines, sorted by name. Stale entries are skipped. */
int machine_list(Machine ***ret, size_t *ret_n, Error *error);
void machine_list_free(Machine **list, size_t n);

/* Supervisor's side: the machine's directory and its state file. */
int machine_directory_create(const char *name, int *ret_fd, Error *error);
int machine_save(const Machine *m, int directory_fd, Error *error);
void machine_directory_remove(const char *name);

/* "/run/stead/machines/NAME" + "/" + @file; the caller frees it. */
char *machine_path(const char *name, const char *file);

/* Start time of a process in clock ticks since boot, to tell a reused number. */
int process_start_time(pid_t pid, uint64_t *ret);
