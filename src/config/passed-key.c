/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What systemd 257 knows in the sections that a definition hands on, which of it a machine's unit
 * cannot have, and what is wrong with a value. */

#include "config/passed-key.h"

#include "base/nearest.h"
#include "base/strv.h"
#include "config/option-parse.h"
#include "config/resource.h"

#include <ctype.h>
#include <string.h>

/* [Unit]: names of units, separated by blanks. */
static const char *const dependencies[] = {
        "Requires",
        "Requisite",
        "Wants",
        "BindsTo",
        "Upholds",
        "Conflicts",
        "Before",
        "After",
        "OnSuccess",
        "OnFailure",
        "PropagatesReloadTo",
        "ReloadPropagatedFrom",
        "PropagatesStopTo",
        "StopPropagatedFrom",
        "PartOf",
        "JoinsNamespaceOf",
};

/* [Unit]: anything else. */
static const char *const unit_keys[] = {
        "Description",
        "Documentation",
        "SourcePath",
        "RequiresMountsFor",
        "WantsMountsFor",
        "StopWhenUnneeded",
        "RefuseManualStart",
        "RefuseManualStop",
        "AllowIsolate",
        "DefaultDependencies",
        "SurviveFinalKillSignal",
        "OnSuccessJobMode",
        "OnFailureJobMode",
        "JobTimeoutSec",
        "JobRunningTimeoutSec",
        "JobTimeoutAction",
        "JobTimeoutRebootArgument",
        "StartLimitIntervalSec",
        "StartLimitBurst",
        "StartLimitAction",
        "FailureAction",
        "SuccessAction",
        "FailureActionExitStatus",
        "SuccessActionExitStatus",
        "RebootArgument",
        "CollectMode",
};

/* [Unit]: after Condition or Assert. */
static const char *const conditions[] = {
        "ACPower",
        "Architecture",
        "CPUFeature",
        "CPUPressure",
        "CPUs",
        "Capability",
        "ControlGroupController",
        "Credential",
        "DirectoryNotEmpty",
        "Environment",
        "FileIsExecutable",
        "FileNotEmpty",
        "Firmware",
        "FirstBoot",
        "Group",
        "Host",
        "IOPressure",
        "KernelCommandLine",
        "KernelVersion",
        "Memory",
        "MemoryPressure",
        "NeedsUpdate",
        "OSRelease",
        "PathExists",
        "PathExistsGlob",
        "PathIsDirectory",
        "PathIsEncrypted",
        "PathIsMountPoint",
        "PathIsReadWrite",
        "PathIsSymbolicLink",
        "Security",
        "User",
        "Virtualization",
};

/* [Service]: what may be there. */
static const char *const service_keys[] = {
        "ExecCondition",
        "ExecStartPre",
        "ExecReload",
        "ExecStartPost",
        "ExecStop",
        "ExecStopPost",
        "RestartSec",
        "RestartSteps",
        "RestartMaxDelaySec",
        "TimeoutStartSec",
        "TimeoutAbortSec",
        "TimeoutStartFailureMode",
        "TimeoutStopFailureMode",
        "RuntimeMaxSec",
        "RuntimeRandomizedExtraSec",
        "WatchdogSec",
        "StartLimitBurst",
        "StartLimitAction",
        "FailureAction",
        "RebootArgument",
        "Restart",
        "RestartMode",
        "RestartPreventExitStatus",
        "RestartForceExitStatus",
        "SuccessExitStatus",
        "NonBlocking",
        "FileDescriptorStoreMax",
        "FileDescriptorStorePreserve",
        "Sockets",
        "USBFunctionDescriptors",
        "USBFunctionStrings",
        "OOMPolicy",
        "OpenFile",
        "ReloadSignal",
        "WorkingDirectory",
        "SetLoginEnvironment",
        "Nice",
        "OOMScoreAdjust",
        "CoredumpFilter",
        "IOSchedulingClass",
        "IOSchedulingPriority",
        "CPUSchedulingPolicy",
        "CPUSchedulingPriority",
        "CPUSchedulingResetOnFork",
        "CPUAffinity",
        "NUMAPolicy",
        "NUMAMask",
        "UMask",
        "Environment",
        "EnvironmentFile",
        "PassEnvironment",
        "UnsetEnvironment",
        "StandardInput",
        "StandardOutput",
        "StandardError",
        "StandardInputText",
        "StandardInputData",
        "TTYPath",
        "TTYReset",
        "TTYVHangup",
        "TTYVTDisallocate",
        "TTYRows",
        "TTYColumns",
        "SyslogIdentifier",
        "SyslogFacility",
        "SyslogLevel",
        "SyslogLevelPrefix",
        "LogLevelMax",
        "LogRateLimitIntervalSec",
        "LogRateLimitBurst",
        "LogExtraFields",
        "LogFilterPatterns",
        "TimerSlackNSec",
        "KeyringMode",
        "LimitCPU",
        "LimitFSIZE",
        "LimitDATA",
        "LimitSTACK",
        "LimitCORE",
        "LimitRSS",
        "LimitNOFILE",
        "LimitAS",
        "LimitNPROC",
        "LimitMEMLOCK",
        "LimitLOCKS",
        "LimitSIGPENDING",
        "LimitMSGQUEUE",
        "LimitNICE",
        "LimitRTPRIO",
        "LimitRTTIME",
        "ExecSearchPath",
        "LogNamespace",
        "BindLogSockets",
        "RuntimeDirectoryPreserve",
        "RuntimeDirectoryMode",
        "RuntimeDirectory",
        "StateDirectoryMode",
        "StateDirectory",
        "CacheDirectoryMode",
        "CacheDirectory",
        "LogsDirectoryMode",
        "LogsDirectory",
        "ConfigurationDirectoryMode",
        "ConfigurationDirectory",
        "SetCredential",
        "SetCredentialEncrypted",
        "LoadCredential",
        "LoadCredentialEncrypted",
        "ImportCredential",
        "TimeoutCleanSec",
        "IgnoreSIGPIPE",
        "UtmpIdentifier",
        "UtmpMode",
        "SELinuxContext",
        "AppArmorProfile",
        "SmackProcessLabel",
        "MemoryKSM",
        "SendSIGKILL",
        "FinalKillSignal",
        "WatchdogSignal",
};

static const char *const install_keys[] = { "WantedBy", "RequiredBy", "UpheldBy", "Alias" };

typedef struct Refused {
        const char *name, *instead;
} Refused;

/* [Service]: how the launcher is started. */
static const Refused starts[] = {
        { "Type", NULL },         { "ExecStart", NULL },       { "ExitType", NULL },
        { "NotifyAccess", NULL }, { "GuessMainPID", NULL },    { "PIDFile", NULL },
        { "BusName", NULL },      { "RemainAfterExit", NULL },
};

/* [Service]: how it is stopped. */
static const Refused stops[] = {
        { "KillMode", NULL },
        { "KillSignal", "KillSignal= in section [Exec]" },
        { "RestartKillSignal", NULL },
        { "SendSIGHUP", NULL },
        { "TimeoutStopSec", "StopTimeoutSec= in section [Exec]" },
        { "TimeoutSec", "StopTimeoutSec= in section [Exec], or TimeoutStartSec= here" },
};

/* [Service]: what would lock up the launcher. */
static const Refused locks[] = {
        { "User", "User= in section [Exec]" },
        { "Group", NULL },
        { "SupplementaryGroups", NULL },
        { "DynamicUser", NULL },
        { "PAMName", NULL },
        { "RootDirectory", NULL },
        { "RootDirectoryStartOnly", NULL },
        { "RootImage", NULL },
        { "RootImageOptions", NULL },
        { "RootImagePolicy", NULL },
        { "RootHash", NULL },
        { "RootHashSignature", NULL },
        { "RootVerity", NULL },
        { "RootEphemeral", NULL },
        { "ExtensionDirectories", NULL },
        { "ExtensionImages", NULL },
        { "ExtensionImagePolicy", NULL },
        { "MountImages", NULL },
        { "MountImagePolicy", NULL },
        { "SecureBits", NULL },
        { "ProtectProc", NULL },
        { "ProcSubset", NULL },
        { "SystemCallArchitectures", NULL },
        { "SystemCallErrorNumber", NULL },
        { "SystemCallLog", NULL },
        { "MemoryDenyWriteExecute", NULL },
        { "RestrictNamespaces", NULL },
        { "RestrictRealtime", NULL },
        { "RestrictSUIDSGID", NULL },
        { "RestrictAddressFamilies", NULL },
        { "LockPersonality", NULL },
        { "RestrictFileSystems", NULL },
        { "ReadWritePaths", NULL },
        { "ReadOnlyPaths", NULL },
        { "ExecPaths", NULL },
        { "NoExecPaths", NULL },
        { "PrivateTmp", NULL },
        { "PrivateDevices", NULL },
        { "ProtectKernelTunables", NULL },
        { "ProtectKernelModules", NULL },
        { "ProtectKernelLogs", NULL },
        { "ProtectClock", NULL },
        { "ProtectControlGroups", NULL },
        { "IPCNamespacePath", NULL },
        { "PrivateMounts", NULL },
        { "PrivateIPC", NULL },
        { "PrivatePIDs", NULL },
        { "ProtectSystem", NULL },
        { "ProtectHome", NULL },
        { "ProtectHostname", NULL },
        { "MountFlags", NULL },
        { "MountAPIVFS", NULL },
        { "RemoveIPC", NULL },
        { "CapabilityBoundingSet", "Capability= in section [Exec]" },
        { "AmbientCapabilities", "AmbientCapability= in section [Exec]" },
        { "NoNewPrivileges", "NoNewPrivileges= in section [Exec]" },
        { "SystemCallFilter", "SystemCallFilter= in section [Exec]" },
        { "InaccessiblePaths", "Inaccessible= in section [Files]" },
        { "BindPaths", "Bind= in section [Files]" },
        { "BindReadOnlyPaths", "BindReadOnly= in section [Files]" },
        { "TemporaryFileSystem", "TemporaryFileSystem= in section [Files]" },
        { "NetworkNamespacePath", "NamespacePath= in section [Network]" },
        { "PrivateNetwork", "Private= in section [Network]" },
        { "PrivateUsers", "PrivateUsers= in section [Exec]" },
        { "Personality", "Personality= in section [Exec]" },
};

static const struct {
        const Refused *list;
        size_t n;
        const char *reason;
} refused[] = {
        { starts, ELEMENTSOF(starts), "the unit is made so that it starts the launcher" },
        { stops, ELEMENTSOF(stops), "the launcher stops the machine, as its init wants it" },
        { locks, ELEMENTSOF(locks),
          "it would apply to the launcher, which could not build the machine" },
};

/* A unit's full name with its type: "db.service", "stead@db.service". @specifiers: "%i" is fine. */
static bool unit_name_is_valid(const char *name, bool specifiers)
{
        static const char *const types[] = { "service", "socket", "target",    "device",
                                             "mount",   "swap",   "automount", "timer",
                                             "path",    "slice",  "scope" };
        const char *dot = strrchr(name, '.');

        if (!dot || dot == name || name[0] == '@' || strlen(name) >= 256)
                return false;
        for (const char *p = name; *p; p++)
                if (!isalnum((unsigned char)*p) && !strchr(":-_.\\@", *p) &&
                    !(specifiers && *p == '%'))
                        return false;
        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (strcmp(types[i], dot + 1) == 0)
                        return true;
        return false;
}

/* "Key=value: reason" of an error whose message is the reason. */
static int blame(const char *key, const char *value, Error *error)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;

        option_printable(value, &text);
        return error_prefix(error, "%s=%s", key, text.data ?: "");
}

/* Each word must be a unit; a machine is not one. */
static int check_units(const char *key, const char *value, bool specifiers, Error *error)
{
        _cleanup_strv_ char **words = NULL;
        int r = strv_split(value, " \t", &words);

        if (r < 0)
                return error_errno(error, -r, "Failed to read %s=", key);
        STRV_FOREACH (word, words) {
                size_t n = strlen(*word);

                if (unit_name_is_valid(*word, specifiers))
                        continue;
                if (n > 8 && strcmp(*word + n - 8, ".machine") == 0) {
                        (void)error_set(error, EINVAL, "'%s' is a definition, not a unit", *word);
                        error_hint(error, "stead@%.*s.service", (int)n - 8, *word);
                } else {
                        (void)error_set(error, EINVAL,
                                        "'%s' is not the name of a unit with its type, such as "
                                        "stead@db.service or network-online.target",
                                        *word);
                }
                return blame(key, value, error);
        }
        return 0;
}

static bool listed(const char *const *list, size_t n, const char *key)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(list[i], key) == 0)
                        return true;
        return false;
}

/* Sets the error for a key that nobody knows. */
static int unknown(const char *section, const char *key, const char *nearest, Error *error)
{
        int r = error_set(error, EINVAL, "systemd 257 has no key %s= in section [%s]", key,
                          section);

        if (nearest)
                error_hint(error, "%s=", nearest);
        return r;
}

static bool is_condition(const char *key)
{
        size_t skip = strncmp(key, "Condition", 9) == 0 ? 9
                      : strncmp(key, "Assert", 6) == 0  ? 6
                                                        : 0;

        return skip > 0 && listed(conditions, ELEMENTSOF(conditions), key + skip);
}

static int check_unit(const char *key, const char *value, DiagnosticSeverity *severity,
                      Error *error)
{
        Nearest nearest = NEAREST(key);

        if (listed(dependencies, ELEMENTSOF(dependencies), key))
                return check_units(key, value, true, error);
        if (listed(unit_keys, ELEMENTSOF(unit_keys), key) || is_condition(key))
                return 0;
        for (size_t i = 0; i < ELEMENTSOF(dependencies); i++)
                nearest_offer(&nearest, dependencies[i]);
        for (size_t i = 0; i < ELEMENTSOF(unit_keys); i++)
                nearest_offer(&nearest, unit_keys[i]);
        *severity = DIAGNOSTIC_WARNING;
        return unknown("Unit", key, nearest.best, error);
}

static int check_service(const char *key, DiagnosticSeverity *severity, Error *error)
{
        const char *instead = NULL, *reason;
        Nearest nearest = NEAREST(key);

        if (listed(service_keys, ELEMENTSOF(service_keys), key))
                return 0;
        if (resource_key(key)) {
                (void)error_set(error, EINVAL, "%s= does not belong in section [Service]", key);
                error_hint(error, "%s= in section [Resources]", key);
                return -EINVAL;
        }
        reason = resource_key_refused(key, &instead);
        for (size_t i = 0; !reason && i < ELEMENTSOF(refused); i++)
                for (size_t k = 0; k < refused[i].n; k++)
                        if (strcmp(refused[i].list[k].name, key) == 0) {
                                instead = refused[i].list[k].instead;
                                reason = refused[i].reason;
                        }
        if (reason) {
                (void)error_set(error, EINVAL, "%s= cannot be set in [Service]: %s", key, reason);
                if (instead)
                        error_hint(error, "%s", instead);
                return -EINVAL;
        }
        for (size_t i = 0; i < ELEMENTSOF(service_keys); i++)
                nearest_offer(&nearest, service_keys[i]);
        *severity = DIAGNOSTIC_WARNING;
        return unknown("Service", key, nearest.best, error);
}

/* systemd knows an instance by another name only if that is an instance of the same name. */
static int check_alias(const char *machine, const char *value, Error *error)
{
        const char *at = strchr(value, '@');
        size_t n = strlen(machine);

        if (!*value ||
            (at && strncmp(at + 1, machine, n) == 0 && strcmp(at + 1 + n, ".service") == 0))
                return 0;
        (void)error_set(error, EINVAL,
                        "the other name must be the machine's in another template, such as "
                        "container@%s.service",
                        machine);
        return blame("Alias", value, error);
}

static int check_install(const char *machine, const char *key, const char *value, Error *error)
{
        Nearest nearest = NEAREST(key);
        int r;

        if (!listed(install_keys, ELEMENTSOF(install_keys), key)) {
                for (size_t i = 0; i < ELEMENTSOF(install_keys); i++)
                        nearest_offer(&nearest, install_keys[i]);
                r = error_set(error, EINVAL,
                              "there is no key %s= in section [Install] of a machine, only "
                              "WantedBy=, RequiredBy=, UpheldBy= and Alias=",
                              key);
                if (strcmp(key, "Also") == 0)
                        error_hint(error, "Wants= in section [Unit]");
                else if (nearest.best)
                        error_hint(error, "%s=", nearest.best);
                return r;
        }
        r = check_units(key, value, false, error);
        return r >= 0 && strcmp(key, "Alias") == 0 ? check_alias(machine, value, error) : r;
}

static int check_resource(const char *key, const char *value, Error *error)
{
        _cleanup_resource_value_ ResourceValue v = RESOURCE_VALUE_NULL;
        const ResourceKey *row = resource_key(key);
        const Option *own = NULL;
        int r;

        for (size_t i = 0; !row && !own && i < option_count; i++)
                if (option_table[i].key && strcmp(option_table[i].key, key) == 0)
                        own = &option_table[i];
        if (own) {
                r = error_set(error, EINVAL, "%s= does not belong in section [Resources]", key);
                error_hint(error, "%s= in section [%s]", key, own->section);
                return r;
        }
        if (!row)
                return resource_unknown_key(key, error);
        r = *value ? resource_parse(row, value, &v, error) : 0;
        return r < 0 ? blame(key, value, error) : 0;
}

/* Letters, digits and dashes, as everywhere in systemd: anything else is no key. */
static bool key_is_valid(const char *key)
{
        if (!isalpha((unsigned char)*key))
                return false;
        for (; *key; key++)
                if (!isalnum((unsigned char)*key) && *key != '-')
                        return false;
        return true;
}

int passed_key_check(const char *machine, const char *section, const char *key, const char *value,
                     DiagnosticSeverity *ret_severity, Error *error)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;

        *ret_severity = DIAGNOSTIC_ERROR;
        if (!key_is_valid(key)) {
                option_printable(key, &text);
                return error_set(error, EINVAL, "'%s' is not the name of a key", text.data ?: "");
        }
        if (strcmp(section, "Unit") == 0)
                return check_unit(key, value, ret_severity, error);
        if (strcmp(section, "Service") == 0)
                return check_service(key, ret_severity, error);
        if (strcmp(section, "Install") == 0)
                return check_install(machine, key, value, error);
        return strcmp(section, "Resources") == 0 ? check_resource(key, value, error) : 0;
}

bool passed_key_replaces(const char *section, const char *key)
{
        const ResourceKey *row = strcmp(section, "Resources") == 0 ? resource_key(key) : NULL;

        return row && !row->list;
}

bool passed_key_resets(const char *section, const char *value)
{
        return *value == '\0' &&
               (strcmp(section, "Resources") == 0 || strcmp(section, "Install") == 0);
}
