/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The inside of a supervisor, for supervisor*.c only. */

#include "boot/console.h"
#include "boot/life.h"
#include "boot/oom-watch.h"
#include "boot/supervisor.h"

/* Descriptors of its epoll. */
typedef enum Source {
        SOURCE_SIGNAL = 1,
        SOURCE_LEADER,
        SOURCE_NOTIFY,
        SOURCE_UNIT,
        SOURCE_LIMITS,
        SOURCE_OOM,
        SOURCE_TABLE,
        SOURCE_NAMES,
        SOURCE_ADDRESSES,
        SOURCE_GATEWAY,
        SOURCE_UPLINK,
} Source; /* ConsoleSource begins at 100 */

/* What is due when; USEC_INFINITY: not waited for. */
typedef enum Timer {
        TIMER_ASK,      /* ask again to stop or to reboot */
        TIMER_PATIENCE, /* stop timeout */
        TIMER_READINESS,
        TIMER_CONSOLE,
        TIMER_GATE,         /* the next machine may start, although this one is not ready */
        TIMER_REGISTRATION, /* who waits for us waits for machined, but not for ever */
        TIMER_LIMITS,
        TIMER_OOM,
        TIMER_ADDRESSES,
        TIMER_GATEWAY,
        TIMER_UPLINK,
        _TIMER_MAX,
} Timer;

struct Supervisor {
        Boot *boot;
        LifeState state;
        bool rebooting, announced;
        char *ready; /* what to tell our manager as soon as machined knows the machine */
        int epoll_fd, signal_fd;
        uint64_t timers[_TIMER_MAX];
        uint64_t started_usec, retry_usec;
        uint64_t stop_usec; /* first stop signal; 0: none yet */
        Console console;
        OomWatch oom_watch;
};

/* @timer is due so long from now; USEC_INFINITY: not at all. */
void supervisor_arm(Supervisor *s, Timer timer, uint64_t after_usec);
void supervisor_disarm(Supervisor *s, Timer timer);
/* The time until the next one, in milliseconds; -1: never. */
int supervisor_next_timer(const Supervisor *s);
/* Any one that is due, which is then disarmed, from @from on; _TIMER_MAX: none. */
Timer supervisor_due_timer(Supervisor *s, unsigned from);

/* Watches @fd until it is closed. */
int supervisor_add(const Supervisor *s, int fd, Source source);

/* What is looked after beside the life of the machine: its view of its limits, processes killed for
 * want of memory, its network. Once per start, then by source and timer. */
void supervisor_begin_watches(Supervisor *s);
/* Whether @source is one of these; what it tells has been done. */
bool supervisor_on_watch(Supervisor *s, unsigned source);
void supervisor_on_watch_timer(Supervisor *s, Timer timer);
/* The last words about processes that were killed. */
void supervisor_end_watches(Supervisor *s);
