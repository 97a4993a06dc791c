/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a machine uses now, from its control group: the one of its unit, where limits are set and
 * whose counters outlive a reboot, or the machine's own if there is none above. Where the host's
 * version 2 hierarchy has no memory or pids controller (a hybrid host), memory and tasks are summed
 * over the machine's processes. What cannot be known is USAGE_UNKNOWN. */

#include "machine/machine.h"
#include "os/cgroup-file.h"

#define USAGE_UNKNOWN CGROUP_NO_NUMBER
#define USAGE_NO_LIMIT CGROUP_NO_NUMBER

typedef enum PressureKind {
        PRESSURE_CPU,
        PRESSURE_MEMORY,
        PRESSURE_IO,
        _PRESSURE_KIND_MAX,
        _PRESSURE_KIND_INVALID = -EINVAL,
} PressureKind;
DECLARE_STRING_TABLE(pressure_kind, PressureKind);

/* Percent of the last ten seconds in which some or all tasks waited; negative: not known. */
typedef struct Pressure {
        double some, full;
} Pressure;

typedef struct Usage {
        uint64_t taken_usec; /* CLOCK_MONOTONIC */
        uint64_t cpu_usec;
        uint64_t memory, memory_max;
        bool memory_summed; /* no controller: anonymous memory of the processes that live */
        uint64_t swap, swap_max;
        /* since the control group was made: how often the machine's limit was used up, and how many
         * processes were killed for want of memory, whoever's limit or memory that was */
        uint64_t oom_events, oom_kills;
        uint64_t io_read, io_written; /* bytes */
        uint64_t tasks, tasks_max;
        Pressure pressure[_PRESSURE_KIND_MAX];
} Usage;

#define USAGE_NULL                              \
        ((Usage){ .cpu_usec = USAGE_UNKNOWN,    \
                  .memory = USAGE_UNKNOWN,      \
                  .memory_max = USAGE_NO_LIMIT, \
                  .swap = USAGE_UNKNOWN,        \
                  .swap_max = USAGE_NO_LIMIT,   \
                  .oom_events = USAGE_UNKNOWN,  \
                  .oom_kills = USAGE_UNKNOWN,   \
                  .io_read = USAGE_UNKNOWN,     \
                  .io_written = USAGE_UNKNOWN,  \
                  .tasks = USAGE_UNKNOWN,       \
                  .tasks_max = USAGE_NO_LIMIT,  \
                  .pressure = { { -1, -1 }, { -1, -1 }, { -1, -1 } } })

/* Never fails: without a control group nothing is known. */
void usage_read(const Machine *m, Usage *ret);
/* The same from descriptors: @payload_fd is the machine's own control group, @unit_fd the one above
 * it or the same. */
void usage_read_at(int unit_fd, int payload_fd, Usage *ret);

/* The control group that holds the machine and its launcher: a part of @m->cgroup. The caller frees
 * it; NULL if there is none. */
char *machine_unit_cgroup(const Machine *m);

/* Percent of one processor between two readings; negative: not known. */
double usage_cpu_percent(const Usage *before, const Usage *now);
/* A counter's growth per second; negative: not known. */
double usage_rate(const Usage *before, const Usage *now, uint64_t value_before, uint64_t value_now);
