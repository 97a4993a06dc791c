/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The figures of several machines at one time, and what changed since the time before. */

#include "machine/usage.h"

#include <jansson.h>

typedef enum TopKey {
        TOP_NAME,
        TOP_CPU,
        TOP_MEMORY,
        TOP_IO,
        TOP_TASKS,
        TOP_PRESSURE,
        _TOP_KEY_MAX,
        _TOP_KEY_INVALID = -EINVAL,
} TopKey;
DECLARE_STRING_TABLE(top_key, TopKey);

typedef struct TopRow {
        char *name;
        Usage usage;
        double cpu_percent, read_rate, write_rate; /* negative: not known */
} TopRow;

typedef struct TopSample {
        TopRow *rows;
        size_t n;
        uint64_t taken_usec; /* CLOCK_MONOTONIC */
} TopSample;

#define TOP_SAMPLE_NULL ((TopSample){})
#define _cleanup_top_sample_ _cleanup_(top_sample_done)
void top_sample_done(TopSample *s);

/* Reads the machines of @names that run, or all with NULL. Rates are since @before, which may be
 * empty. */
int top_sample_take(char *const *names, const TopSample *before, TopSample *ret, Error *error);
/* Names from the first; of all else the largest first. */
void top_sample_sort(TopSample *s, TopKey key);
/* A new reference. */
json_t *top_sample_to_json(const TopSample *s);
