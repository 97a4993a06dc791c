/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rows: what systemd 257 can limit, in the order of systemd.resource-control(5). */

#include "config/resource.h"

#include "base/nearest.h"

#include <string.h>

static const char *const oom_modes[] = { "auto", "kill", NULL };
static const char *const oom_preferences[] = { "none", "avoid", "omit", NULL };
static const char *const device_policies[] = { "auto", "closed", "strict", NULL };
static const char *const pressure_watches[] = { "auto", "on", "off", "skip", NULL };
static const char *const controllers[] = { "cpu",
                                           "cpuacct",
                                           "cpuset",
                                           "io",
                                           "blkio",
                                           "memory",
                                           "devices",
                                           "pids",
                                           "bpf-firewall",
                                           "bpf-devices",
                                           "bpf-foreign",
                                           "bpf-socket-bind",
                                           "bpf-restrict-network-interfaces",
                                           NULL };
static const char *const bpf_hooks[] = { "ingress",    "egress",     "sock_create", "sock_ops",
                                         "device",     "bind4",      "bind6",       "connect4",
                                         "connect6",   "post_bind4", "post_bind6",  "sendmsg4",
                                         "sendmsg6",   "sysctl",     "recvmsg4",    "recvmsg6",
                                         "getsockopt", "setsockopt", NULL };

/* The limit of nothing is infinite; the protection of nothing is none. */
#define LIMIT(n, version, path, least, words)                                           \
        {                                                                               \
                .name = (n), .type = RESOURCE_SIZE, .since = (version), .file = (path), \
                .minimum = (least), .empty = RESOURCE_INFINITY, .help = (words)         \
        }
#define PROTECTION(n, version, path, words)                                             \
        {                                                                               \
                .name = (n), .type = RESOURCE_SIZE, .since = (version), .file = (path), \
                .help = (words)                                                         \
        }
#define KEY(n, kind, version, words) \
        .name = (n), .type = (kind), .since = (version), .help = (words)

const ResourceKey resource_keys[] = {
        { KEY("CPUAccounting", RESOURCE_BOOLEAN, 208, "Count processor time") },
        { KEY("CPUWeight", RESOURCE_CPU_WEIGHT, 232, "Share of the processors, 100 being normal"),
          .file = "cpu.weight", .empty = RESOURCE_INFINITY },
        { KEY("StartupCPUWeight", RESOURCE_CPU_WEIGHT, 232,
              "The same while the host starts or stops"),
          .empty = RESOURCE_INFINITY },
        { KEY("CPUQuota", RESOURCE_CPU_QUOTA, 213,
              "Most processor time, 100% being that of one processor"),
          .property = "CPUQuotaPerSecUSec", .file = "cpu.max", .empty = RESOURCE_INFINITY },
        { KEY("CPUQuotaPeriodSec", RESOURCE_TIME, 242,
              "Time over which the quota counts, from 1ms to 1s"),
          .property = "CPUQuotaPeriodUSec", .file = "cpu.max", .empty = RESOURCE_INFINITY },
        { KEY("AllowedCPUs", RESOURCE_CPU_LIST, 244, "Processors that the machine may use"),
          .file = "cpuset.cpus", .list = true },
        { KEY("StartupAllowedCPUs", RESOURCE_CPU_LIST, 252,
              "The same while the host starts or stops"),
          .list = true },
        { KEY("AllowedMemoryNodes", RESOURCE_CPU_LIST, 244,
              "Memory nodes (NUMA) that the machine may use"),
          .file = "cpuset.mems", .list = true },
        { KEY("StartupAllowedMemoryNodes", RESOURCE_CPU_LIST, 252,
              "The same while the host starts or stops"),
          .list = true },

        { KEY("MemoryAccounting", RESOURCE_BOOLEAN, 208, "Count memory") },
        PROTECTION("MemoryMin", 240, "memory.min", "Memory that is never taken away"),
        PROTECTION("MemoryLow", 231, "memory.low",
                   "Memory that is taken away only when others have none left"),
        PROTECTION("StartupMemoryLow", 253, NULL, "The same while the host starts or stops"),
        PROTECTION("DefaultMemoryMin", 240, NULL, "MemoryMin= of the units below that have none"),
        PROTECTION("DefaultMemoryLow", 240, NULL, "MemoryLow= of the units below that have none"),
        PROTECTION("DefaultStartupMemoryLow", 253, NULL, "The same while the host starts or stops"),
        LIMIT("MemoryHigh", 231, "memory.high", 1, "Memory above which the machine is slowed down"),
        LIMIT("StartupMemoryHigh", 253, NULL, 1, "The same while the host starts or stops"),
        LIMIT("MemoryMax", 231, "memory.max", 1,
              "Most memory; beyond it processes of the machine are killed"),
        LIMIT("StartupMemoryMax", 253, NULL, 1, "The same while the host starts or stops"),
        LIMIT("MemorySwapMax", 232, "memory.swap.max", 0, "Most swap space"),
        LIMIT("StartupMemorySwapMax", 253, NULL, 0, "The same while the host starts or stops"),
        LIMIT("MemoryZSwapMax", 253, "memory.zswap.max", 0, "Most compressed swap in memory"),
        LIMIT("StartupMemoryZSwapMax", 253, NULL, 0, "The same while the host starts or stops"),
        { KEY("MemoryZSwapWriteback", RESOURCE_BOOLEAN, 256,
              "Whether compressed swap may go on to the swap device"),
          .file = "memory.zswap.writeback" },
        { KEY("MemoryPressureWatch", RESOURCE_CHOICE, 254,
              "Whether the launcher may watch the pressure on memory"),
          .words = pressure_watches, .fixed = true },
        { KEY("MemoryPressureThresholdSec", RESOURCE_TIME, 254,
              "How much delay in 2s counts as pressure"),
          .property = "MemoryPressureThresholdUSec", .empty = RESOURCE_INFINITY, .fixed = true },

        { KEY("TasksAccounting", RESOURCE_BOOLEAN, 227, "Count processes and threads") },
        { KEY("TasksMax", RESOURCE_TASKS, 227, "Most processes and threads; default 16384"),
          .file = "pids.max", .minimum = 1, .empty = RESOURCE_INFINITY },

        { KEY("IOAccounting", RESOURCE_BOOLEAN, 230, "Count input and output of disks") },
        { KEY("IOWeight", RESOURCE_WEIGHT, 230, "Share of the disks, 100 being normal"),
          .file = "io.weight", .empty = RESOURCE_INFINITY },
        { KEY("StartupIOWeight", RESOURCE_WEIGHT, 230, "The same while the host starts or stops"),
          .empty = RESOURCE_INFINITY },
        { KEY("IODeviceWeight", RESOURCE_DEVICE_WEIGHT, 230, "Share of one disk"),
          .file = "io.weight", .list = true },
        { KEY("IOReadBandwidthMax", RESOURCE_DEVICE_RATE, 230,
              "Most bytes a second read from a disk"),
          .file = "io.max", .list = true },
        { KEY("IOWriteBandwidthMax", RESOURCE_DEVICE_RATE, 230,
              "Most bytes a second written to a disk"),
          .file = "io.max", .list = true },
        { KEY("IOReadIOPSMax", RESOURCE_DEVICE_RATE, 230, "Most reads a second of a disk"),
          .file = "io.max", .list = true },
        { KEY("IOWriteIOPSMax", RESOURCE_DEVICE_RATE, 230, "Most writes a second of a disk"),
          .file = "io.max", .list = true },
        { KEY("IODeviceLatencyTargetSec", RESOURCE_DEVICE_TIME, 240,
              "Latency of a disk that others must leave the machine"),
          .property = "IODeviceLatencyTargetUSec", .file = "io.latency", .list = true },

        { KEY("IPAccounting", RESOURCE_BOOLEAN, 235, "Count network traffic") },
        { KEY("IPAddressAllow", RESOURCE_ADDRESSES, 235,
              "Networks that may be reached in spite of IPAddressDeny="),
          .list = true },
        { KEY("IPAddressDeny", RESOURCE_ADDRESSES, 235, "Networks that may not be reached"),
          .list = true },
        { KEY("SocketBindAllow", RESOURCE_SOCKET_BIND, 249,
              "Ports that may be bound in spite of SocketBindDeny="),
          .list = true },
        { KEY("SocketBindDeny", RESOURCE_SOCKET_BIND, 249, "Ports that may not be bound"),
          .list = true },
        { KEY("RestrictNetworkInterfaces", RESOURCE_INTERFACES, 250,
              "Network interfaces that may, or with ~ may not be used"),
          .list = true },
        { KEY("NFTSet", RESOURCE_NFT_SET, 255, "Sets of nftables that get to know the cgroup"),
          .list = true },
        { KEY("IPIngressFilterPath", RESOURCE_PATHS, 243, "BPF program for packets that come in"),
          .list = true },
        { KEY("IPEgressFilterPath", RESOURCE_PATHS, 243, "BPF program for packets that go out"),
          .list = true },
        { KEY("BPFProgram", RESOURCE_BPF_PROGRAM, 249, "BPF program for another hook"),
          .words = bpf_hooks, .list = true },

        { KEY("DeviceAllow", RESOURCE_DEVICE_ALLOW, 208, "Device that the machine may use"),
          .list = true },
        { KEY("DevicePolicy", RESOURCE_CHOICE, 208, "What else may be used; default closed"),
          .words = device_policies },

        { KEY("Slice", RESOURCE_SLICE, 208, "Slice of the unit; default machine.slice"),
          .fixed = true },
        { KEY("DisableControllers", RESOURCE_CONTROLLERS, 240,
              "Controllers that the machine does not get"),
          .words = controllers, .list = true },

        { KEY("ManagedOOMSwap", RESOURCE_CHOICE, 247,
              "Whether systemd-oomd kills here when swap runs out"),
          .words = oom_modes },
        { KEY("ManagedOOMMemoryPressure", RESOURCE_CHOICE, 247,
              "Whether systemd-oomd kills here when memory is short"),
          .words = oom_modes },
        { KEY("ManagedOOMMemoryPressureLimit", RESOURCE_PERCENT, 247,
              "Pressure above which it does") },
        { KEY("ManagedOOMMemoryPressureDurationSec", RESOURCE_TIME, 257,
              "How long the pressure must last"),
          .property = "ManagedOOMMemoryPressureDurationUSec", .empty = RESOURCE_INFINITY },
        { KEY("ManagedOOMPreference", RESOURCE_CHOICE, 248,
              "Whether systemd-oomd spares the machine"),
          .words = oom_preferences },
        { KEY("CoredumpReceive", RESOURCE_BOOLEAN, 255,
              "Whether the machine gets its own core dumps; default yes"),
          .fixed = true },
};

const size_t resource_key_count = ELEMENTSOF(resource_keys);

static const struct {
        const char *name, *reason, *hint;
} refused[] = {
        { "Delegate", "the machine's cgroup is always delegated, it could not boot without", NULL },
        { "DelegateSubgroup", "the launcher has a place of its own in the cgroup", NULL },
        { "CPUShares", "it is of the old cgroup hierarchy", "CPUWeight=" },
        { "StartupCPUShares", "it is of the old cgroup hierarchy", "StartupCPUWeight=" },
        { "MemoryLimit", "it is of the old cgroup hierarchy", "MemoryMax=" },
        { "BlockIOAccounting", "it is of the old cgroup hierarchy", "IOAccounting=" },
        { "BlockIOWeight", "it is of the old cgroup hierarchy", "IOWeight=" },
        { "StartupBlockIOWeight", "it is of the old cgroup hierarchy", "StartupIOWeight=" },
        { "BlockIODeviceWeight", "it is of the old cgroup hierarchy", "IODeviceWeight=" },
        { "BlockIOReadBandwidth", "it is of the old cgroup hierarchy", "IOReadBandwidthMax=" },
        { "BlockIOWriteBandwidth", "it is of the old cgroup hierarchy", "IOWriteBandwidthMax=" },
};

static const char *const metavars[_RESOURCE_TYPE_MAX] = {
        [RESOURCE_BOOLEAN] = "BOOL",
        [RESOURCE_SIZE] = "BYTES|PERCENT|infinity",
        [RESOURCE_TASKS] = "NUMBER|PERCENT|infinity",
        [RESOURCE_WEIGHT] = "1...10000",
        [RESOURCE_CPU_WEIGHT] = "1...10000|idle",
        [RESOURCE_CPU_QUOTA] = "PERCENT",
        [RESOURCE_TIME] = "TIME",
        [RESOURCE_PERCENT] = "PERCENT",
        [RESOURCE_CPU_LIST] = "LIST",
        [RESOURCE_DEVICE_RATE] = "PATH NUMBER",
        [RESOURCE_DEVICE_WEIGHT] = "PATH 1...10000",
        [RESOURCE_DEVICE_TIME] = "PATH TIME",
        [RESOURCE_DEVICE_ALLOW] = "DEVICE [rwm]",
        [RESOURCE_CHOICE] = "WORD",
        [RESOURCE_SLICE] = "NAME.slice",
        [RESOURCE_CONTROLLERS] = "CONTROLLER...",
        [RESOURCE_ADDRESSES] = "ADDRESS[/PREFIX]...",
        [RESOURCE_PATHS] = "PATH",
        [RESOURCE_BPF_PROGRAM] = "HOOK:PATH",
        [RESOURCE_SOCKET_BIND] = "[FAMILY:][PROTOCOL:]PORTS|any",
        [RESOURCE_INTERFACES] = "[~]NAME...",
        [RESOURCE_NFT_SET] = "SOURCE:FAMILY:TABLE:SET...",
};

const ResourceKey *resource_key(const char *name)
{
        for (size_t i = 0; i < resource_key_count; i++)
                if (strcmp(resource_keys[i].name, name) == 0)
                        return &resource_keys[i];
        return NULL;
}

const char *resource_key_nearest(const char *name)
{
        Nearest nearest = NEAREST(name);

        for (size_t i = 0; i < resource_key_count; i++)
                nearest_offer(&nearest, resource_keys[i].name);
        return nearest.best;
}

const char *resource_key_refused(const char *name, const char **ret_hint)
{
        for (size_t i = 0; i < ELEMENTSOF(refused); i++)
                if (strcmp(refused[i].name, name) == 0) {
                        *ret_hint = refused[i].hint;
                        return refused[i].reason;
                }
        return NULL;
}

const char *resource_type_metavar(ResourceType type)
{
        return metavars[type];
}
