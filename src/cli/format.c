/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sizes, spans and times for tables. */

#include "cli/format.h"

#include "base/parse.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

const char *format_size(uint64_t bytes, char buffer[static FORMAT_MAX])
{
        static const char units[] = "BKMGTPE";
        uint64_t unit = 1;
        int i = 0;

        while (bytes / unit >= 1024 && units[i + 1]) {
                unit *= 1024;
                i++;
        }
        if (i == 0)
                (void)snprintf(buffer, FORMAT_MAX, "%" PRIu64 "B", bytes);
        else
                (void)snprintf(buffer, FORMAT_MAX, "%" PRIu64 ".%" PRIu64 "%c", bytes / unit,
                               bytes % unit / (unit / 1024) * 10 / 1024, units[i]);
        return buffer;
}

const char *format_percent(double percent, char buffer[static FORMAT_MAX])
{
        (void)snprintf(buffer, FORMAT_MAX, percent < 99.95 ? "%.1f" : "%.0f", percent);
        return buffer;
}

double round_percent(double percent)
{
        return (double)(int64_t)(percent * 100 + 0.5) / 100;
}

const char *format_span(uint64_t usec, char buffer[static FORMAT_MAX])
{
        uint64_t s = usec / USEC_PER_SEC;

        if (s < 60)
                (void)snprintf(buffer, FORMAT_MAX, "%" PRIu64 "s", s);
        else if (s < 3600)
                (void)snprintf(buffer, FORMAT_MAX, "%" PRIu64 "min", s / 60);
        else if (s < 48 * 3600)
                (void)snprintf(buffer, FORMAT_MAX, "%" PRIu64 "h %" PRIu64 "min", s / 3600,
                               s / 60 % 60);
        else
                (void)snprintf(buffer, FORMAT_MAX, "%" PRIu64 " days", s / 86400);
        return buffer;
}

const char *format_time(uint64_t usec, char buffer[static FORMAT_MAX])
{
        time_t t = (time_t)(usec / USEC_PER_SEC);
        struct tm tm;

        if (!localtime_r(&t, &tm) || strftime(buffer, FORMAT_MAX, "%a %F %T %Z", &tm) == 0)
                buffer[0] = '\0';
        return buffer;
}

const char *format_date(int64_t seconds, char buffer[static FORMAT_MAX])
{
        time_t t = (time_t)seconds;
        struct tm tm;

        if (!localtime_r(&t, &tm) || strftime(buffer, FORMAT_MAX, "%F %R", &tm) == 0)
                buffer[0] = '\0';
        return buffer;
}

uint64_t usec_since(uint64_t usec)
{
        struct timespec now;
        uint64_t n;

        (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail */
        n = (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000;
        return n > usec ? n - usec : 0;
}
