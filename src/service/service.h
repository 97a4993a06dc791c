/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the parts of steadd share. It keeps no state that matters: machines, definitions and limits
 * are read where they are, and whatever is going on goes on without it. */

#include "service/quota.h"

#include "base/error.h"
#include "bus/connection.h"

#include <stdbool.h>
#include <systemd/sd-event.h>

typedef struct Access Access;
typedef struct JobTable JobTable;
typedef struct ProcessTable ProcessTable;
typedef struct Registry Registry;

typedef struct Service {
        sd_event *event;
        sd_bus *bus;
        Quota quota;
        Access *access;
        Registry *registry;
        JobTable *jobs;
        ProcessTable *processes;
        sd_bus_track *subscribers; /* of Subscribe() */
        uint64_t active_usec;      /* when somebody called last */
        uid_t caller; /* of the method call that is being handled; access.c has found it out */
} Service;

#define _cleanup_service_ _cleanup_(service_freep)
/* Puts all objects on @bus, which may be a bus or one peer. Does not ask for a name. */
int service_new(sd_event *event, sd_bus *bus, Service **ret, Error *error);
Service *service_free(Service *s);
DEFINE_CLEANUP(Service, service_free)

/* Nothing is going on that needs us, and nobody has subscribed. */
bool service_is_idle(const Service *s);

/* Takes from the caller's quota; answers @m and returns > 0 if there is none left, negative on
 * other failures, 0 if it may go on. */
int service_take_quota(Service *s, sd_bus_message *m, QuotaKind kind);
