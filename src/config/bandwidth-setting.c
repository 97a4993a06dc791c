/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rates with units, one or one for each direction. */

#include "config/bandwidth-setting.h"

#include "base/parse.h"
#include "base/strv.h"

#include <string.h>

#define RATE_MIN UINT64_C(1000) /* below, no connection can be made: "100" meant 100M */
#define RATE_MAX UINT64_C(1000000000000)

static const char units[] = "KMGT";

static int parse_rate(const char *text, uint64_t *ret, Error *error)
{
        size_t n = strspn(text, "0123456789");
        const char *unit = text[n] ? strchr(units, text[n]) : NULL;
        char number[24];
        uint64_t rate = 0;
        bool ok = n > 0 && n < sizeof(number) && (!text[n] || (unit && !text[n + 1]));

        if (ok) {
                (void)snprintf(number, sizeof(number), "%.*s", (int)n, text);
                ok = parse_uint64(number, &rate) >= 0;
        }
        for (const char *u = units; ok && unit && u <= unit; u++)
                ok = !__builtin_mul_overflow(rate, UINT64_C(1000), &rate);
        if (!ok || rate < RATE_MIN || rate > RATE_MAX)
                return error_set(error, EINVAL,
                                 "'%.32s' is not a rate; allowed are 1K to 1T bits per second with "
                                 "K, M, G or T, such as 100M or in:100M out:20M",
                                 text);
        *ret = rate;
        return 0;
}

static int parse_word(const char *word, BandwidthSetting *b, Error *error)
{
        const char *colon = strchr(word, ':');
        bool in = strncmp(word, "in:", 3) == 0, out = strncmp(word, "out:", 4) == 0;
        int r;

        if (colon && !in && !out)
                return error_set(error, EINVAL,
                                 "'%.32s' has no direction; allowed are in:RATE and out:RATE, such "
                                 "as in:100M out:20M",
                                 word);
        if ((!out && b->in) || (!in && b->out))
                return error_set(error, EINVAL,
                                 "'%.32s' says again what was said before it; write one rate, or "
                                 "one for each direction, such as in:100M out:20M",
                                 word);
        r = parse_rate(colon ? colon + 1 : word, out ? &b->out : &b->in, error);
        if (r >= 0 && !colon)
                b->out = b->in;
        return r;
}

int bandwidth_setting_parse(const char *text, BandwidthSetting *ret, Error *error)
{
        _cleanup_strv_ char **words = NULL;
        BandwidthSetting b = {};
        int r = strv_split(text, " \t,", &words);

        STRV_FOREACH (word, words)
                r = r >= 0 ? parse_word(*word, &b, error) : r;
        if (r < 0)
                return r;
        if (!words)
                return parse_rate("", &b.in, error);
        *ret = b;
        return 0;
}

static void format_rate(uint64_t rate, Buffer *out)
{
        size_t unit = 0;

        for (; unit < strlen(units) && rate % 1000 == 0; unit++)
                rate /= 1000;
        buffer_printf(out, "%llu", (unsigned long long)rate);
        if (unit > 0)
                buffer_append(out, &units[unit - 1], 1);
}

void bandwidth_setting_format(const BandwidthSetting *b, Buffer *out)
{
        if (b->in && b->in == b->out) {
                format_rate(b->in, out);
                return;
        }
        if (b->in) {
                buffer_puts(out, "in:");
                format_rate(b->in, out);
        }
        if (b->out) {
                buffer_puts(out, b->in ? " out:" : "out:");
                format_rate(b->out, out);
        }
}
