/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Method calls that are answered when something ends. */

#include "service/service.h"

typedef struct Waiter {
        sd_bus_message *call;
        uid_t uid;
} Waiter;

typedef struct Waiters {
        Waiter *items;
        size_t n;
} Waiters;

/* Keeps @call. Returns what its handler has to. */
int waiters_add(Waiters *w, Service *s, sd_bus_message *call);
/* Lets @answer reply to each and forgets them. */
void waiters_answer(Waiters *w, Service *s,
                    int (*answer)(sd_bus_message *call, const void *subject), const void *subject);
/* Forgets them without an answer: the connection is going away. */
void waiters_done(Waiters *w);
