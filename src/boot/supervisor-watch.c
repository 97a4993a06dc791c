/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a supervisor looks after while its machine lives. None of it decides about the machine's
 * life, and where a watch cannot be had the machine is as well off as without it. */

#include "boot/supervisor-parts.h"

#include "boot/boot-address.h"
#include "boot/boot-gateway.h"
#include "boot/boot-uplink.h"
#include "os/clock.h"

#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>

#define ADDRESSES_USEC (100 * 1000) /* a lease is several changes */
#define OOM_USEC USEC_PER_SEC       /* between two messages */

static void on_limits(Supervisor *s)
{
        LimitsView *v = &s->boot->limits_view;
        bool watched = v->watch_fd >= 0;

        supervisor_arm(s, TIMER_LIMITS, limits_view_update(v, s->boot->pid_fd));
        if (!watched && v->watch_fd >= 0)
                (void)supervisor_add(s, v->watch_fd, SOURCE_LIMITS); /* then only the clock tells */
}

/* A machine that is short of memory may lose a process every moment: not a line for each. */
static void on_oom(Supervisor *s)
{
        _cleanup_free_ char *text = NULL;

        oom_watch_read(&s->oom_watch);
        if (s->timers[TIMER_OOM] != USEC_INFINITY)
                return;
        text = oom_watch_tell(&s->oom_watch, s->boot->plan->machine);
        if (!text)
                return;
        fprintf(stderr, "%s%s\n", text, s->console.raw ? "\r" : "");
        supervisor_arm(s, TIMER_OOM, OOM_USEC);
}

static void watch_oom(Supervisor *s)
{
        struct epoll_event e = { .events = EPOLLPRI, .data.u32 = SOURCE_OOM };

        oom_watch_done(&s->oom_watch);
        oom_watch_init(&s->oom_watch, s->boot->payload_fd);
        if (s->oom_watch.events_fd >= 0)
                (void)epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, s->oom_watch.events_fd, &e);
}

/* Of this start; all leave the epoll set when they are closed. */
static void watch_network(Supervisor *s)
{
        const BootNetwork *n = &s->boot->network;

        if (n->watch.fd >= 0)
                (void)supervisor_add(s, n->watch.fd,
                                     SOURCE_TABLE); /* or nobody restores it for us */
        if (n->relay)
                (void)supervisor_add(s, dns_relay_fd(n->relay),
                                     SOURCE_NAMES); /* or names are not found */
        supervisor_arm(s, TIMER_GATEWAY, boot_gateway_watch(s->boot));
        if (n->gateway.fd >= 0)
                (void)supervisor_add(s, n->gateway.fd,
                                     SOURCE_GATEWAY); /* or who takes it away has it so */
        boot_uplink_watch(s->boot);
        if (n->uplink_fd >= 0)
                (void)supervisor_add(s, n->uplink_fd,
                                     SOURCE_UPLINK); /* or the next start forwards for it */
        if (n->inside.fd < 0)
                return;
        (void)supervisor_add(s, n->inside.fd, SOURCE_ADDRESSES); /* or ports lead nowhere */
        (void)supervisor_add(s, n->outside.fd, SOURCE_ADDRESSES);
        supervisor_arm(s, TIMER_ADDRESSES, 0);
}

static void on_addresses(Supervisor *s)
{
        const BootNetwork *n = &s->boot->network;

        supervisor_arm(s, TIMER_ADDRESSES, boot_address_update(s->boot));
        if (n->relay)
                (void)supervisor_add(s, dns_relay_fd(n->relay), SOURCE_NAMES); /* maybe a new one */
}

void supervisor_begin_watches(Supervisor *s)
{
        on_limits(s);
        watch_oom(s);
        watch_network(s);
}

bool supervisor_on_watch(Supervisor *s, unsigned source)
{
        switch (source) {
        case SOURCE_LIMITS:
                on_limits(s);
                return true;
        case SOURCE_OOM:
                on_oom(s);
                return true;
        case SOURCE_TABLE:
                boot_network_on_table(s->boot);
                return true;
        case SOURCE_NAMES:
                dns_relay_process(s->boot->network.relay);
                return true;
        case SOURCE_ADDRESSES:
                boot_address_drain(s->boot);
                supervisor_arm(s, TIMER_ADDRESSES, ADDRESSES_USEC);
                return true;
        case SOURCE_GATEWAY:
                boot_gateway_drain(s->boot);
                supervisor_arm(s, TIMER_GATEWAY, ADDRESSES_USEC);
                return true;
        case SOURCE_UPLINK:
                boot_uplink_drain(s->boot);
                supervisor_arm(s, TIMER_UPLINK, ADDRESSES_USEC);
                return true;
        default:
                return false;
        }
}

void supervisor_on_watch_timer(Supervisor *s, Timer timer)
{
        if (timer == TIMER_LIMITS)
                on_limits(s);
        else if (timer == TIMER_OOM)
                on_oom(s);
        else if (timer == TIMER_ADDRESSES)
                on_addresses(s);
        else if (timer == TIMER_GATEWAY)
                supervisor_arm(s, TIMER_GATEWAY, boot_gateway_update(s->boot));
        else if (timer == TIMER_UPLINK)
                boot_uplink_update(s->boot);
}

void supervisor_end_watches(Supervisor *s)
{
        supervisor_disarm(s, TIMER_OOM); /* no matter how long ago the last one was */
        on_oom(s);
}
