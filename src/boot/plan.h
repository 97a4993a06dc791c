/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The whole of one start, decided before anything is touched: made from Settings and from reading
 * the tree and the host, without privilege, and never changed afterwards. Every acting part takes a
 * const BootPlan *. `stead plan` prints it. */

#include "boot/bind-user.h"
#include "boot/root-source.h"
#include "config/settings.h"
#include "machine/machine.h"
#include "network/network-plan.h"

#include <stdio.h>

#define USER_RANGE_SIZE UINT32_C(0x10000)

typedef struct BootPlan {
        /* identity */
        char *machine, *hostname;
        Id128 uuid;
        bool is_first_boot; /* to a systemd: the tree has no machine id yet */
        bool uuid_is_fresh; /* made for this start, so nobody else has it */
        char *container_service;

        /* tree */
        char *directory; /* absolute, symlinks resolved; of layers: where its state is */
        char *files;     /* where a file can be put into it: the same, or its upper layer */
        char **layers;   /* names, lowest first, or NULL */
        bool disk;       /* @directory is a disk image */
        unsigned generation;
        bool read_only, ephemeral, tmpfs_tmp;
        VolatileMode volatile_mode;
        char *pivot_root_new, *pivot_root_old;
        MountSetting *root_mount; /* what is the root in place of the tree, or NULL */

        /* first process */
        StartMode start;
        InitKind init;
        char **argv;        /* [0] is the path to execute in the tree */
        char *argv0;        /* what the process sees as argv[0] */
        char **environment; /* complete, but for LISTEN_* */
        char *user;         /* NULL: root */
        uid_t uid;
        gid_t gid;
        gid_t *groups;
        size_t n_groups;
        char *working_directory;
        unsigned long personality;
        const char *architecture; /* of the program: "arm64"; NULL: not known */
        char *emulator;           /* what runs programs of it: "HANDLER (INTERPRETER)", or NULL */
        bool suppress_sync, no_new_privileges;

        /* namespaces */
        UserNamespaceMode user_namespace; /* never _DEFAULT */
        uint32_t user_base, user_size; /* FIXED, TREE and IDENTITY: known here; PICK: size only */
        Ownership ownership;           /* never _AUTO: OFF, CHOWN or MAP */
        BindUser *bind_users;          /* of the host */
        size_t n_bind_users;
        bool private_network, nesting, api_vfs_writable;
        char *network_namespace_path; /* also of the pod */
        char *pod;                    /* which it is a member of, or NULL */
        NetworkPlan network;          /* links of its own */

        /* privileges and limits */
        CapabilitySet bounding, ambient;
        char **system_calls_allowed, **system_calls_denied;
        struct rlimit rlimits[RLIM_NLIMITS];
        int oom_score_adjust;
        bool oom_score_adjust_set, cpu_affinity_set;
        cpu_set_t cpu_affinity;
        char **resources; /* of the machine's unit or cgroup: "MemoryMax=1G", in order */
        char *selinux_context, *selinux_apifs_context;

        /* unit: on a host with systemd only */
        bool as_nspawn; /* exit statuses of systemd-nspawn */
        bool keep_unit;
        char *slice;            /* of the scope; NULL: machine.slice */
        char **unit_properties; /* of the scope: NAME=VALUE */
        RegisterMode register_mode;

        /* life */
        char *settings;      /* what it was told, as setting_lines_format() has it, or NULL */
        ConsoleMode console; /* never _DEFAULT or _AUTOPIPE */
        bool notify_ready, quiet;
        StopMethod stop_method, reboot_method; /* never _AUTO */
        int stop_signal, reboot_signal;        /* 0: none, kill at once */
        uint64_t stop_timeout_usec;

        /* content */
        ResolvConf resolv_conf;
        Timezone timezone;
        LinkJournal link_journal;
        char *timezone_name;  /* of the host, "Europe/Berlin", or NULL */
        MountSetting *mounts; /* in the order in which they are made */
        size_t n_mounts;
        bool mounts_in_tmp;             /* some of them are on or below /tmp */
        bool mounts_of_tree;            /* some have a source in the tree */
        CredentialSetting *credentials; /* loaded */
        size_t n_credentials;
        unsigned n_listen; /* sockets passed on, from descriptor 3 */
} BootPlan;

#define _cleanup_plan_ _cleanup_(boot_plan_freep)

/* -ENOSYS with @error set if a system call is missing without which a start cannot be safe. */
int boot_check_kernel(bool mounts, Error *error);

/* Takes what it needs out of @settings (which is emptied of it, not freed). @source: what the root
 * is made of, or NULL for a plain tree. */
int boot_plan_new(Settings *settings, const RootSource *source, BootPlan **ret, Error *error);
BootPlan *boot_plan_free(BootPlan *plan);
DEFINE_CLEANUP(BootPlan, boot_plan_free)

/* Prints it, one line a fact, or as one JSON object. */
int boot_plan_print(const BootPlan *plan, bool json, FILE *f);

/* A plain command is up as soon as it runs, unless it shall say so itself. */
static inline bool boot_plan_waits_for_ready(const BootPlan *plan)
{
        return plan->start == START_INIT || plan->notify_ready;
}

static inline bool boot_plan_has_user_namespace(const BootPlan *plan)
{
        return plan->user_namespace != USER_NAMESPACE_NO;
}
