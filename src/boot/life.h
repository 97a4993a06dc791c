/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A machine's life under its supervisor as a table: what each event means in each state. Pure; the
 * supervisor does what the table says. */

typedef enum LifeState {
        LIFE_STARTING, /* PID 1 runs, not ready yet */
        LIFE_RUNNING,
        LIFE_LEAVING,  /* goes down by its own will, or was asked to reboot */
        LIFE_STOPPING, /* was asked to power off, in an orderly way */
        LIFE_KILLING,  /* was killed; only its end is missing */
        _LIFE_STATE_MAX,
} LifeState;

typedef enum LifeEvent {
        LIFE_EVENT_READY,   /* the payload is up */
        LIFE_EVENT_STOP,    /* SIGTERM, SIGINT, escape */
        LIFE_EVENT_REBOOT,  /* SIGUSR1 */
        LIFE_EVENT_GOING,   /* the payload says that it goes down by itself */
        LIFE_EVENT_TIMEOUT, /* it did not go down in time */
        _LIFE_EVENT_MAX,
} LifeEvent;

typedef enum LifeAction {
        LIFE_NOTHING,
        LIFE_ANNOUNCE, /* tell the host that it is ready */
        LIFE_ASK_STOP,
        LIFE_ASK_REBOOT,
        LIFE_KILL,
} LifeAction;

typedef struct LifeStep {
        LifeState next;
        LifeAction action;
} LifeStep;

LifeStep life_step(LifeState state, LifeEvent event);
