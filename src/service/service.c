/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All objects together. */

#include "service/service.h"

#include "service/access.h"
#include "service/job.h"
#include "service/machine-object.h"
#include "service/manager.h"
#include "service/process.h"
#include "service/registry.h"
#include "service/reply.h"

#include <stdlib.h>

Service *service_free(Service *s)
{
        if (!s)
                return NULL;
        access_free(s->access);
        registry_free(s->registry);
        job_table_free(s->jobs);
        process_table_free(s->processes);
        sd_bus_track_unref(s->subscribers);
        quota_done(&s->quota);
        sd_bus_unref(s->bus);
        sd_event_unref(s->event);
        free(s);
        return NULL;
}

int service_new(sd_event *event, sd_bus *bus, Service **ret, Error *error)
{
        _cleanup_service_ Service *s = calloc(1, sizeof(Service));
        int r;

        if (!s)
                return error_set(error, ENOMEM, "Out of memory");
        s->event = sd_event_ref(event);
        s->bus = sd_bus_ref(bus);
        s->caller = (uid_t)-1;
        s->active_usec = clock_now_usec();
        /* first the guard: no object is reachable without it */
        r = access_new(s, &s->access, error);
        if (r >= 0)
                r = job_table_new(s, &s->jobs, error);
        if (r >= 0)
                r = process_table_new(s, &s->processes, error);
        if (r >= 0)
                r = registry_new(s, &s->registry, error);
        if (r >= 0)
                r = machine_object_offer(s, error);
        if (r >= 0)
                r = manager_offer(s, error);
        if (r >= 0)
                *ret = TAKE_PTR(s);
        return r;
}

bool service_is_idle(const Service *s)
{
        for (int i = 0; i < _QUOTA_KIND_MAX; i++)
                if (s->quota.used[i] > 0)
                        return false;
        return !s->subscribers || sd_bus_track_count(s->subscribers) == 0;
}

int service_take_quota(Service *s, sd_bus_message *m, QuotaKind kind)
{
        int r = quota_take(&s->quota, s->caller, kind);

        if (r == -EDQUOT)
                return reply_errorf(m, EDQUOT, "User %u has %u %s going on, more are not allowed",
                                    s->caller, quota_limit(s->caller, kind),
                                    quota_kind_to_string(kind));
        if (r == -EUSERS)
                return reply_errorf(m, EDQUOT, "All users together have too many %s going on",
                                    quota_kind_to_string(kind));
        return r;
}
