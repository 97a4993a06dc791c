/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The clock for waiting and for measuring: CLOCK_MONOTONIC in microseconds. */

#include <stdint.h>

uint64_t clock_now_usec(void);
