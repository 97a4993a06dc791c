/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Machines as units of the host's systemd: their jobs, begun one after another and then waited for,
 * and what a launcher said that a job was of no use. */

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

typedef struct LifeManager LifeManager;

#define _cleanup_life_manager_ _cleanup_(life_manager_freep)
/* 1 and the manager; 0 and NULL where machines are no units: no systemd, it does not answer (one
 * line says so), or stead's unit template is not installed. */
int life_manager_open(LifeManager **ret);
LifeManager *life_manager_free(LifeManager *m);
DEFINE_CLEANUP(LifeManager, life_manager_free)
sd_bus *life_manager_bus(const LifeManager *m);

/* Whether @unit is that of a machine started as a service. NULL is none. */
bool life_unit_is_service(const char *unit);
/* The service of machine @name if it runs or is about to, else *ret is NULL. */
int life_manager_find(LifeManager *m, const char *name, char **ret, Error *error);
/* Where systemd takes the pod @name for up, though it was stopped by hand: tells it, so that it
 * will start it again. Machines that need the pod are left alone. */
int life_manager_forget_pod(LifeManager *m, const char *name, Error *error);
/* Has systemd read the definitions again if one of @names is younger than its units, so that what
 * they say of units and limits counts. */
int life_manager_refresh(LifeManager *m, char *const *names, Error *error);

typedef struct LifeJob {
        char *unit, *job; /* NULL: none was begun */
        bool starts;
} LifeJob;

#define LIFE_JOB_NULL ((LifeJob){})
void life_job_done(LifeJob *j);

/* @method: StartUnit, StopUnit or RestartUnit. */
int life_job_begin(LifeManager *m, const char *method, const char *unit, LifeJob *ret,
                   Error *error);
/* -ETIMEDOUT without @error: the job goes on. A start that failed is told in the launcher's own
 * words. */
int life_job_wait(LifeManager *m, const LifeJob *j, const char *name, uint64_t timeout_usec,
                  Error *error);
