/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* [Health] of a pod: the command by which it is found out whether the pod does its work, and how
 * often. Text only; whoever looks after pods runs it. */

#include "base/error.h"

#include <stdint.h>

typedef struct HealthSetting {
        char **command; /* NULL: there is no check, the pod is healthy while it runs */
        uint64_t interval_usec, timeout_usec;
        uint64_t withdraw_usec; /* from the withdrawal of the service addresses to the end */
        unsigned retries;       /* so many failures in a row make it unhealthy; at least 1 */
} HealthSetting;

#define HEALTH_INTERVAL_DEFAULT UINT64_C(10000000) /* microseconds */
#define HEALTH_TIMEOUT_DEFAULT UINT64_C(5000000)
#define HEALTH_WITHDRAW_DEFAULT UINT64_C(1000000)
#define HEALTH_RETRIES_DEFAULT 3U

#define HEALTH_SETTING_NULL                               \
        ((HealthSetting){                                 \
                .interval_usec = HEALTH_INTERVAL_DEFAULT, \
                .timeout_usec = HEALTH_TIMEOUT_DEFAULT,   \
                .withdraw_usec = HEALTH_WITHDRAW_DEFAULT, \
                .retries = HEALTH_RETRIES_DEFAULT,        \
        })

void health_setting_done(HealthSetting *h);
/* Sets what @key (Command, IntervalSec, TimeoutSec, Retries, WithdrawSec) says; an empty value is
 * the default. The message names key and value. */
int health_setting_assign(HealthSetting *h, const char *key, const char *value, Error *error);
