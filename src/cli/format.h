/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Numbers as people read them. Each writes into @buffer and returns it. */

#include <stddef.h>
#include <stdint.h>

#define FORMAT_MAX 64

/* "512B", "1.5K", "12.3G", to the base of 1024. */
const char *format_size(uint64_t bytes, char buffer[static FORMAT_MAX]);
/* "12.3", "150": at most four characters for what a hundred processors use. */
const char *format_percent(double percent, char buffer[static FORMAT_MAX]);
/* To the hundredth, which is all that is measured. */
double round_percent(double percent);
/* "3s", "5min", "2h 5min", "3 days": how long something has lasted. */
const char *format_span(uint64_t usec, char buffer[static FORMAT_MAX]);
/* "Sun 2026-11-22 01:30:00 UTC", in local time. */
const char *format_time(uint64_t usec, char buffer[static FORMAT_MAX]);
/* "2026-11-22 01:30", in local time, of seconds since the epoch. */
const char *format_date(int64_t seconds, char buffer[static FORMAT_MAX]);
/* The time that has passed since @usec of CLOCK_REALTIME. */
uint64_t usec_since(uint64_t usec);
