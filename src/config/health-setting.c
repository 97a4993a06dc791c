/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The keys of [Health]. */

#include "config/health-setting.h"

#include "base/nearest.h"
#include "base/parse.h"
#include "base/strv.h"
#include "config/option-parse.h"

#include <string.h>

#define TIME_MIN (USEC_PER_SEC / 10)
#define TIME_MAX (24 * 60 * 60 * USEC_PER_SEC)
#define WITHDRAW_MAX (60 * USEC_PER_SEC) /* a stop of the unit has 90 s */
#define RETRIES_MAX 100U

void health_setting_done(HealthSetting *h)
{
        strv_free(h->command);
        *h = HEALTH_SETTING_NULL;
}

static int parse_command(HealthSetting *h, const char *value, Error *error)
{
        _cleanup_strv_ char **words = NULL;
        int r = strv_split_quoted(value, &words);

        if (r == -EINVAL)
                return error_set(error, EINVAL, "an open quote or an unknown escape");
        if (r < 0)
                return r;
        if (words && !*words[0])
                return error_set(error, EINVAL, "names no program; write its name or path first");
        strv_free(h->command);
        h->command = TAKE_PTR(words);
        return 0;
}

static int parse_span(uint64_t *field, const char *value, uint64_t empty, Error *error)
{
        uint64_t usec = empty;

        if (*value &&
            (parse_time(value, USEC_PER_SEC, &usec) < 0 || usec < TIME_MIN || usec > TIME_MAX))
                return error_set(error, EINVAL,
                                 "not a time; allowed are 100ms to 1day, such as 5s");
        *field = usec;
        return 0;
}

static int parse_retries(HealthSetting *h, const char *value, Error *error)
{
        uint32_t n = HEALTH_RETRIES_DEFAULT;

        if (*value && (parse_uint32(value, &n) < 0 || n < 1 || n > RETRIES_MAX))
                return error_set(error, EINVAL,
                                 "not a number of checks; allowed are 1 to %u, such as 3",
                                 RETRIES_MAX);
        h->retries = n;
        return 0;
}

static int parse_withdraw(HealthSetting *h, const char *value, Error *error)
{
        uint64_t usec = HEALTH_WITHDRAW_DEFAULT;

        if (*value && (parse_time(value, USEC_PER_SEC, &usec) < 0 || usec > WITHDRAW_MAX))
                return error_set(error, EINVAL, "not a time; allowed are 0 to 1min, such as 2s");
        h->withdraw_usec = usec;
        return 0;
}

static int unknown(const char *key, Error *error)
{
        static const char *const keys[] = { "Command", "IntervalSec", "TimeoutSec", "Retries",
                                            "WithdrawSec" };
        Nearest nearest = NEAREST(key);
        int r = error_set(error, EINVAL, "there is no key %s= in section [Health]", key);

        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                nearest_offer(&nearest, keys[i]);
        if (nearest.best)
                error_hint(error, "%s=", nearest.best);
        return r;
}

int health_setting_assign(HealthSetting *h, const char *key, const char *value, Error *error)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        int r;

        if (strcmp(key, "Command") == 0)
                r = parse_command(h, value, error);
        else if (strcmp(key, "IntervalSec") == 0)
                r = parse_span(&h->interval_usec, value, HEALTH_INTERVAL_DEFAULT, error);
        else if (strcmp(key, "TimeoutSec") == 0)
                r = parse_span(&h->timeout_usec, value, HEALTH_TIMEOUT_DEFAULT, error);
        else if (strcmp(key, "Retries") == 0)
                r = parse_retries(h, value, error);
        else if (strcmp(key, "WithdrawSec") == 0)
                r = parse_withdraw(h, value, error);
        else
                return unknown(key, error);
        if (r >= 0 || r == -ENOMEM)
                return r;
        option_printable(value, &text);
        return error_prefix(error, "%s=%s", key, text.data ?: "");
}
