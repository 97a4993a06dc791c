/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A list of messages, each on its caller's account. */

#include "service/waiters.h"

#include <stdlib.h>

int waiters_add(Waiters *w, Service *s, sd_bus_message *call)
{
        Waiter *grown = reallocarray(w->items, w->n + 1, sizeof(*grown));
        int r;

        if (!grown)
                return -ENOMEM;
        w->items = grown;
        r = service_take_quota(s, call, QUOTA_WAIT);
        if (r != 0)
                return r;
        grown[w->n++] = (Waiter){ .call = sd_bus_message_ref(call), .uid = s->caller };
        return 1;
}

void waiters_answer(Waiters *w, Service *s,
                    int (*answer)(sd_bus_message *call, const void *subject), const void *subject)
{
        for (size_t i = 0; i < w->n; i++) {
                (void)answer(w->items[i].call, subject); /* or it is gone */
                quota_give_back(&s->quota, w->items[i].uid, QUOTA_WAIT);
        }
        waiters_done(w);
}

void waiters_done(Waiters *w)
{
        for (size_t i = 0; i < w->n; i++)
                sd_bus_message_unref(w->items[i].call);
        free(w->items);
        *w = (Waiters){};
}
