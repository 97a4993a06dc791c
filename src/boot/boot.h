/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One machine under its supervisor: from taking what it needs, over every start and internal
 * reboot, to giving everything back. */

#include "boot/assembly.h"
#include "boot/boot-network.h"
#include "boot/plan.h"
#include "boot/range.h"
#include "boot/tree-owners.h"
#include "image/tree-lock.h"
#include "machine/console-log.h"
#include "machine/machine.h"
#include "os/seccomp.h"

/* Where machined of systemd before 257 puts mounts for a running machine. */
#define PROPAGATE_DIRECTORY "/run/systemd/nspawn/propagate"
/* Where ssh of systemd 256+ looks for the sockets of machines. */
#define UNIX_EXPORT_DIRECTORY "/run/systemd/nspawn/unix-export"

typedef struct Boot {
        const BootPlan *plan;
        RootSource source; /* what its root is made of; borrowed */

        /* for the machine's whole life: boot-resources.c */
        Machine *machine;
        int directory_fd; /* /run/stead/machines/NAME, locked */
        int tree_fd;
        int start_gate_fd; /* while we have a slot: start-gate.c */
        uint64_t start_turn_usec;
        TreeLock tree_lock;
        UserRange range;
        char *id_link; /* claims the machine id */
        TreeOwners owners;
        char *cgroup;          /* /sys/fs/cgroup/.../NAME, ours; the machine is in its payload/ */
        bool delegated, moved; /* the cgroup was handed to us; we moved to its supervisor/ */
        int payload_fd;        /* or -EBADF */
        char **handed_down;    /* controllers that the cgroup above hands down for our limits */
        char *unit;            /* of the host's systemd, or NULL */
        bool scope;            /* that unit was made for this machine */
        bool registering, registered; /* at machined: asked for; not refused */
        bool unit_stop;               /* systemd asked for a stop while we waited for an answer */
        int unit_fd, unit_pid_fd;     /* stead-unit, while it runs: unit.c */
        SeccompProfile profile;
        const SeccompFilter *filter;
        SeccompFilter *filter_own; /* compiled for this machine */
        ConsoleLog log;
        int host_mounts_fd, host_network_fd, working_directory_fd;
        BootNetwork network;
        char *ephemeral; /* survives reboots */
        int ephemeral_fd;
        char **work_directories;

        /* for one start: boot-start.c */
        pid_t pid;
        int pid_fd;
        int console_fd, notify_fd, kmsg_fd;
        LimitsView limits_view;
} Boot;

/* Runs the machine until it is off. Returns the exit status for our caller (0 to 255), or negative
 * errno if it could not be started. @source: what the plan was made with. */
int boot_run(const BootPlan *plan, const RootSource *source, Error *error);

/* Parts, for boot*.c only. */
int boot_acquire(Boot *b, Error *error);
void boot_release(Boot *b);
/* Writes down what the machine is started with, for `stead diff`. `stead apply` changes it with
 * what it does, which a reboot undoes: once for each start. */
int boot_keep_settings(const Boot *b, Error *error);
int boot_take_cgroup(Boot *b, Error *error);
void boot_release_cgroup(Boot *b);
/* Empties the machine's cgroup, of this run or of one that was killed. */
int boot_clear_cgroup(Boot *b, Error *error);
/* Attaches the machine's device program; before exec, while the first process prepares itself. */
int boot_restrict_devices(Boot *b, Error *error);
/* Makes the payload cgroup, delegated to the machine's root. */
int boot_make_payload(Boot *b, Error *error);
/* Writes the limits of the definition to the machine's cgroup, where no unit has them. What the
 * host cannot do is one warning each. */
int boot_write_limits(Boot *b, Error *error);
/* Undoes what that did to the cgroup @own above ours, when no machine is left in it. */
void boot_take_back_controllers(Boot *b, const char *own);
int boot_start(Boot *b, Error *error);
void boot_end_start(Boot *b);
