/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A running machine beside its definition: what it was started with and what a start would tell it
 * now, the limits that hold and those that are declared. What of that differs is difference.h's. */

#include "cli/limit-place.h"
#include "config/definition.h"
#include "config/setting-lines.h"

typedef struct Comparison {
        const char *name; /* borrowed from the machine */
        Machine *machine;
        bool is_service;        /* stead@NAME.service: its launcher was started by systemd */
        Definition *definition; /* NULL: there is none */
        SettingLines declared, running;
        ResourceValues limits; /* declared */
        LimitPlace place;      /* of those that hold; empty if the machine has none */
} Comparison;

#define COMPARISON_NULL ((Comparison){ .place = LIMIT_PLACE_NULL })
#define _cleanup_comparison_ _cleanup_(comparison_done)
void comparison_done(Comparison *c);
/* -ENXIO: the machine does not run. Mistakes of the definition are printed; then it is -EINVAL. */
int comparison_open(const char *name, Comparison *ret, Error *error);
/* Whether the definition's keys for systemd have been read by it. */
int comparison_is_loaded(const Comparison *c, Error *error);
/* Whether a start of now would get as far as a plan. */
int comparison_try_start(const Comparison *c, Error *error);
/* Keeps c->running as what the machine has now. */
int comparison_save(const Comparison *c, Error *error);
