/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One moment for each timer, and epoll's timeout is the next of them: a descriptor each would cost
 * a start several system calls. */

#include "boot/supervisor-parts.h"

#include "os/clock.h"

void supervisor_arm(Supervisor *s, Timer timer, uint64_t after_usec)
{
        s->timers[timer] =
                after_usec == USEC_INFINITY ? USEC_INFINITY : clock_now_usec() + after_usec;
}

void supervisor_disarm(Supervisor *s, Timer timer)
{
        s->timers[timer] = USEC_INFINITY;
}

Timer supervisor_due_timer(Supervisor *s, unsigned from)
{
        uint64_t now = clock_now_usec();

        for (unsigned i = from; i < _TIMER_MAX; i++)
                if (s->timers[i] <= now) {
                        supervisor_disarm(s, (Timer)i);
                        return (Timer)i;
                }
        return _TIMER_MAX;
}

int supervisor_next_timer(const Supervisor *s)
{
        uint64_t next = USEC_INFINITY, now;

        for (unsigned i = 0; i < _TIMER_MAX; i++)
                next = MIN_OF(next, s->timers[i]);
        if (next == USEC_INFINITY)
                return -1;
        now = clock_now_usec();
        return next <= now ? 0 : (int)MIN_OF((next - now) / 1000 + 1, (uint64_t)INT32_MAX);
}
