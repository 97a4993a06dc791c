/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of a machine's life. */

#include "boot/life.h"

/* clang-format off: the columns are the point */
static const LifeStep table[_LIFE_STATE_MAX][_LIFE_EVENT_MAX] = {
        [LIFE_STARTING] = {
                [LIFE_EVENT_READY]   = { LIFE_RUNNING,  LIFE_ANNOUNCE },
                [LIFE_EVENT_STOP]    = { LIFE_STOPPING, LIFE_ASK_STOP },
                [LIFE_EVENT_REBOOT]  = { LIFE_LEAVING,  LIFE_ASK_REBOOT },
                [LIFE_EVENT_GOING]   = { LIFE_LEAVING,  LIFE_NOTHING },
                [LIFE_EVENT_TIMEOUT] = { LIFE_STARTING, LIFE_NOTHING },
        },
        [LIFE_RUNNING] = {
                [LIFE_EVENT_READY]   = { LIFE_RUNNING,  LIFE_NOTHING },
                [LIFE_EVENT_STOP]    = { LIFE_STOPPING, LIFE_ASK_STOP },
                [LIFE_EVENT_REBOOT]  = { LIFE_LEAVING,  LIFE_ASK_REBOOT },
                [LIFE_EVENT_GOING]   = { LIFE_LEAVING,  LIFE_NOTHING },
                [LIFE_EVENT_TIMEOUT] = { LIFE_RUNNING,  LIFE_NOTHING },
        },
        [LIFE_LEAVING] = {
                [LIFE_EVENT_READY]   = { LIFE_LEAVING,  LIFE_NOTHING },
                [LIFE_EVENT_STOP]    = { LIFE_STOPPING, LIFE_ASK_STOP },
                [LIFE_EVENT_REBOOT]  = { LIFE_LEAVING,  LIFE_NOTHING },
                [LIFE_EVENT_GOING]   = { LIFE_LEAVING,  LIFE_NOTHING },
                [LIFE_EVENT_TIMEOUT] = { LIFE_KILLING,  LIFE_KILL },
        },
        [LIFE_STOPPING] = {
                [LIFE_EVENT_READY]   = { LIFE_STOPPING, LIFE_NOTHING },
                [LIFE_EVENT_STOP]    = { LIFE_KILLING,  LIFE_KILL },
                [LIFE_EVENT_REBOOT]  = { LIFE_STOPPING, LIFE_NOTHING },
                [LIFE_EVENT_GOING]   = { LIFE_STOPPING, LIFE_NOTHING },
                [LIFE_EVENT_TIMEOUT] = { LIFE_KILLING,  LIFE_KILL },
        },
        [LIFE_KILLING] = {
                [LIFE_EVENT_READY]   = { LIFE_KILLING,  LIFE_NOTHING },
                [LIFE_EVENT_STOP]    = { LIFE_KILLING,  LIFE_KILL },
                [LIFE_EVENT_REBOOT]  = { LIFE_KILLING,  LIFE_NOTHING },
                [LIFE_EVENT_GOING]   = { LIFE_KILLING,  LIFE_NOTHING },
                [LIFE_EVENT_TIMEOUT] = { LIFE_KILLING,  LIFE_KILL },
        },
};
/* clang-format on */

LifeStep life_step(LifeState state, LifeEvent event)
{
        return table[state][event];
}
