/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a person asked for: the typed result of a definition, a `.nspawn` file and a command line,
 * merged key by key. Made in one way only (settings_from_assignments() over option table rows),
 * read by boot/plan. It never looks at the system: whether a thing exists is the plan's question.
 */

#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"
#include "base/string-table.h"
#include "config/bandwidth-setting.h"
#include "config/bind-map.h"
#include "config/link-setting.h"
#include "config/port-setting.h"
#include "os/capability.h"

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

typedef enum StartMode {
        START_COMMAND, /* a plain command is PID 1 */
        START_STUB,    /* our stub init is PID 1, the command PID 2 */
        START_INIT,    /* the tree's own init is PID 1 */
        _START_MODE_MAX,
        _START_MODE_INVALID = -EINVAL,
} StartMode;

typedef enum VolatileMode {
        VOLATILE_NO,
        VOLATILE_YES,     /* tmpfs root, the tree's /usr read-only */
        VOLATILE_STATE,   /* tree read-only, /var a tmpfs */
        VOLATILE_OVERLAY, /* tree read-only below a tmpfs upper layer */
        _VOLATILE_MODE_MAX,
        _VOLATILE_MODE_INVALID = -EINVAL,
} VolatileMode;
DECLARE_STRING_TABLE(volatile_mode, VolatileMode);

typedef enum UserNamespaceMode {
        USER_NAMESPACE_DEFAULT, /* nobody said: the launcher's own default */
        USER_NAMESPACE_NO,
        USER_NAMESPACE_TREE,  /* "yes": base is the owner of the tree's root */
        USER_NAMESPACE_FIXED, /* base[:size] */
        USER_NAMESPACE_PICK,
        USER_NAMESPACE_IDENTITY, /* 0:65536 */
        _USER_NAMESPACE_MODE_MAX,
        _USER_NAMESPACE_MODE_INVALID = -EINVAL,
} UserNamespaceMode;
DECLARE_STRING_TABLE(user_namespace_mode, UserNamespaceMode);

typedef enum Ownership {
        OWNERSHIP_AUTO, /* map, or a clear refusal; never chown without being told to */
        OWNERSHIP_OFF,
        OWNERSHIP_CHOWN,
        OWNERSHIP_MAP,
        _OWNERSHIP_MAX,
        _OWNERSHIP_INVALID = -EINVAL,
} Ownership;
DECLARE_STRING_TABLE(ownership, Ownership);

typedef enum ConsoleMode {
        CONSOLE_DEFAULT, /* interactive on a terminal, else read-only */
        CONSOLE_INTERACTIVE,
        CONSOLE_READ_ONLY,
        CONSOLE_PASSIVE,
        CONSOLE_PIPE,
        CONSOLE_AUTOPIPE,
        _CONSOLE_MODE_MAX,
        _CONSOLE_MODE_INVALID = -EINVAL,
} ConsoleMode;
DECLARE_STRING_TABLE(console_mode, ConsoleMode);

typedef enum ResolvConf {
        RESOLV_CONF_AUTO,
        RESOLV_CONF_OFF,
        RESOLV_CONF_COPY_HOST,
        RESOLV_CONF_COPY_STATIC,
        RESOLV_CONF_COPY_UPLINK,
        RESOLV_CONF_COPY_STUB,
        RESOLV_CONF_REPLACE_HOST,
        RESOLV_CONF_REPLACE_STATIC,
        RESOLV_CONF_REPLACE_UPLINK,
        RESOLV_CONF_REPLACE_STUB,
        RESOLV_CONF_BIND_HOST,
        RESOLV_CONF_BIND_STATIC,
        RESOLV_CONF_BIND_UPLINK,
        RESOLV_CONF_BIND_STUB,
        RESOLV_CONF_DELETE,
        _RESOLV_CONF_MAX,
        _RESOLV_CONF_INVALID = -EINVAL,
} ResolvConf;
DECLARE_STRING_TABLE(resolv_conf, ResolvConf);

typedef enum Timezone {
        TIMEZONE_AUTO,
        TIMEZONE_OFF,
        TIMEZONE_COPY,
        TIMEZONE_BIND,
        TIMEZONE_SYMLINK,
        TIMEZONE_DELETE,
        _TIMEZONE_MAX,
        _TIMEZONE_INVALID = -EINVAL,
} Timezone;
DECLARE_STRING_TABLE(timezone, Timezone);

typedef enum LinkJournal {
        LINK_JOURNAL_AUTO,
        LINK_JOURNAL_NO,
        LINK_JOURNAL_HOST,
        LINK_JOURNAL_GUEST,
        LINK_JOURNAL_TRY_HOST,
        LINK_JOURNAL_TRY_GUEST,
        _LINK_JOURNAL_MAX,
        _LINK_JOURNAL_INVALID = -EINVAL,
} LinkJournal;
DECLARE_STRING_TABLE(link_journal, LinkJournal);

/* How the settings file and the command line meet (--settings=). */
typedef enum SettingsMode {
        SETTINGS_YES, /* file is read, command line wins */
        SETTINGS_NO,
        SETTINGS_OVERRIDE, /* file wins */
        SETTINGS_TRUSTED,  /* command line wins, every file is trusted */
        _SETTINGS_MODE_MAX,
        _SETTINGS_MODE_INVALID = -EINVAL,
} SettingsMode;
DECLARE_STRING_TABLE(settings_mode, SettingsMode);

/* Whether a machine is made known to systemd-machined (--register=). */
typedef enum RegisterMode {
        REGISTER_TRY, /* where it can be done; one warning where not */
        REGISTER_NO,
        REGISTER_YES, /* or the start fails */
        _REGISTER_MODE_MAX,
        _REGISTER_MODE_INVALID = -EINVAL,
} RegisterMode;
DECLARE_STRING_TABLE(register_mode, RegisterMode);

/* How a machine is asked to power off (StopMethod=, --stop-method=). */
typedef enum StopMethod {
        STOP_AUTO,    /* found from the tree's init */
        STOP_SIGNAL,  /* KillSignal= */
        STOP_INITCTL, /* sysvinit: runlevel 0 through /run/initctl */
        STOP_COMMAND, /* run `poweroff` inside */
        _STOP_METHOD_MAX,
        _STOP_METHOD_INVALID = -EINVAL,
} StopMethod;
DECLARE_STRING_TABLE(stop_method, StopMethod);

typedef enum MountKind {
        MOUNT_BIND,
        MOUNT_TMPFS,
        MOUNT_OVERLAY,
        MOUNT_INACCESSIBLE,
        _MOUNT_KIND_MAX,
        _MOUNT_KIND_INVALID = -EINVAL,
} MountKind;
DECLARE_STRING_TABLE(mount_kind, MountKind);

typedef enum BindIdmap {
        BIND_NOIDMAP,
        BIND_IDMAP,
        BIND_ROOTIDMAP,
        BIND_OWNERIDMAP,
        _BIND_IDMAP_MAX,
        _BIND_IDMAP_INVALID = -EINVAL,
} BindIdmap;
DECLARE_STRING_TABLE(bind_idmap, BindIdmap);

/* One custom mount. A source that starts with '+' is a path of the tree; an empty source is a
 * temporary directory of the machine's life. */
typedef struct MountSetting {
        MountKind kind;
        char **sources;    /* bind: one; overlay: lowest first, the last one is the upper layer */
        char *destination; /* absolute path in the machine */
        bool read_only;
        bool recursive; /* bind: default true */
        BindIdmap idmap;
        BindMap users, groups; /* bind: a free map; with BIND_IDMAP the other ids are as they are */
        char *options;         /* tmpfs: mount options, NULL for the default */
        char *origin;          /* "file:line" or "--bind", for messages */
} MountSetting;

typedef struct CredentialSetting {
        char *id;
        char *data; /* literal value, or NULL */
        size_t size;
        char *path; /* to load from (absolute), or the name of one of our own credentials */
} CredentialSetting;

CredentialSetting *credential_setting_done(CredentialSetting *c);

#define DISK_MAX_INFINITY UINT64_MAX
#define DISK_MAX_MINIMUM (UINT64_C(16) * 1024 * 1024) /* a file system of its own needs as much */

/* Which rows were given a value by someone, one bit per option table row. */
#define SETTINGS_OPTIONS_MAX 192

typedef struct Settings {
        /* tree */
        char *directory, *template_path, *machine;
        char **layers; /* lowest first; in place of a directory */
        char *try_of;  /* machine of layers whose try is written to */
        char *image;   /* disk image or block device; in place of a directory */
        char *image_policy, *root_hash, *verity_data;
        bool ephemeral, read_only;
        VolatileMode volatile_mode;
        char *pivot_root;      /* "new[:old]" */
        bool check_os_release; /* default true */

        /* execution */
        bool boot, process_two;
        char **parameters; /* command, or arguments of the init */
        char **environment;
        char *user, *working_directory, *hostname;
        Id128 uuid;      /* null: not given */
        int kill_signal; /* 0: not given */
        StopMethod stop_method;
        uint64_t stop_timeout_usec; /* orderly stop to SIGKILL; default 90 s */
        bool notify_ready, suppress_sync;
        char *container_service; /* the container= id; NULL: "stead" */

        /* user namespace */
        UserNamespaceMode user_namespace;
        uint32_t user_base, user_size; /* FIXED only; size default 65536 */
        Ownership ownership;
        bool nesting; /* container managers may run inside; needs a user namespace */

        /* network */
        bool private_network; /* also where something below asks for links of its own */
        char *network_namespace_path;
        char *pod;                                 /* whose network it shares, NULL: none */
        bool network_veth;                         /* host0; also for a bridge or zone */
        char *network_bridge, *network_zone;       /* which host0 is in; at most one of them */
        LinkPairs network_veth_extra;              /* .inside NULL: named as outside */
        LinkPairs network_interfaces;              /* moved in; .inside NULL: keeps its name */
        LinkPairs network_macvlan;                 /* .inside NULL: mv-HOST */
        LinkPairs network_ipvlan;                  /* .inside NULL: iv-HOST */
        AddressSettings network_addresses;         /* with the prefix of their network */
        AddressSetting gateway_ipv4, gateway_ipv6; /* .family AF_UNSPEC: none */
        AddressSettings network_dns;
        uint32_t network_mtu;   /* 0: the kernel's */
        MacAddress network_mac; /* of host0 */
        BandwidthSetting network_bandwidth;
        PortSettings ports;
        AddressSettings service_addresses; /* of pods only; there while the pod is healthy */

        /* security */
        CapabilitySet capability, drop_capability, ambient_capability;
        char **system_call_filter; /* words as given; a leading '~' on a word marks a denied one */
        bool no_new_privileges;
        char *selinux_context, *selinux_apifs_context;
        bool api_vfs_writable; /* /proc/sys and /sys writable and unmasked; no user namespace */

        /* resources */
        struct rlimit rlimits[RLIM_NLIMITS];
        uint32_t rlimits_set; /* bit per RLIMIT_* */
        int oom_score_adjust;
        bool oom_score_adjust_set;
        cpu_set_t cpu_affinity;
        bool cpu_affinity_set;
        unsigned long personality; /* as personality(2) wants it; PERSONALITY_INVALID: not given */

        /* of the machine as a whole; words of [Resources], "MemoryMax=1G" */
        char **resources;
        uint64_t disk_max; /* bytes that it may write; 0: not given */

        /* integration */
        ResolvConf resolv_conf;
        Timezone timezone;
        LinkJournal link_journal;
        bool tmpfs_tmp; /* default true */

        /* mounts */
        MountSetting *mounts;
        size_t n_mounts;
        char **bind_users; /* users of the host to bring in, by name */

        /* credentials */
        CredentialSetting *credentials;
        size_t n_credentials;

        /* this run only; never keys of a definition */
        bool as_nspawn;         /* called as systemd-nspawn: its exit statuses */
        bool keep_unit;         /* no scope of its own: stay in the unit that we are in */
        char *slice;            /* of the scope; NULL: machine.slice */
        char **unit_properties; /* of the scope: NAME=VALUE as systemctl set-property takes them */
        RegisterMode register_mode;
        ConsoleMode console;
        bool quiet, help, version;
        SettingsMode settings_mode;
        char *dry_run; /* NULL, "text" or "json" */

        uint64_t set[SETTINGS_OPTIONS_MAX / 64];
} Settings;

#define PERSONALITY_INVALID (~0UL)
#define _cleanup_settings_ _cleanup_(settings_freep)

int settings_new(Settings **ret); /* with the defaults filled in */
Settings *settings_free(Settings *s);
DEFINE_CLEANUP(Settings, settings_free)

MountSetting *mount_setting_done(MountSetting *m);
static inline void mount_setting_donep(MountSetting *m)
{
        (void)mount_setting_done(m); /* always NULL */
}
/* A bind mount of its own, from the words of a command line: @destination is "PATH[:OPTIONS]", NULL
 * or without a path for that of the source. */
int mount_setting_bind(const char *source, const char *destination, bool read_only,
                       MountSetting *ret, Error *error);
/* Appends the options of a bind mount, "rbind,idmap". */
void mount_setting_format_options(const MountSetting *mount, Buffer *out);
