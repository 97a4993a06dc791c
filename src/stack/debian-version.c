/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dpkg's order of versions: digits by number, letters before the rest, '~' before everything, even
 * the end. The same result as `dpkg --compare-versions` for every version that dpkg accepts. */

#include "stack/debian-version.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

/* The weight of a character outside of numbers; the end of a part and a digit weigh nothing. */
static int weight(const char *s, const char *end)
{
        if (s == end || isdigit((unsigned char)*s))
                return 0;
        if (isalpha((unsigned char)*s))
                return *s;
        if (*s == '~')
                return -1;
        return (unsigned char)*s + 256;
}

/* A number without leading zeros: the longer one is the greater, else the first digit decides. */
static int compare_number(const char **a, const char *a_end, const char **b, const char *b_end)
{
        int difference = 0;

        while (*a < a_end && **a == '0')
                (*a)++;
        while (*b < b_end && **b == '0')
                (*b)++;
        while (*a < a_end && *b < b_end && isdigit((unsigned char)**a) &&
               isdigit((unsigned char)**b)) {
                if (difference == 0)
                        difference = **a - **b;
                (*a)++;
                (*b)++;
        }
        if (*a < a_end && isdigit((unsigned char)**a))
                return 1;
        if (*b < b_end && isdigit((unsigned char)**b))
                return -1;
        return difference;
}

static int compare_part(const char *a, const char *a_end, const char *b, const char *b_end)
{
        while (a < a_end || b < b_end) {
                int difference;

                while ((a < a_end && !isdigit((unsigned char)*a)) ||
                       (b < b_end && !isdigit((unsigned char)*b))) {
                        difference = weight(a, a_end) - weight(b, b_end);
                        if (difference != 0)
                                return difference;
                        a++; /* equal weights: neither is at its end */
                        b++;
                }
                difference = compare_number(&a, a_end, &b, b_end);
                if (difference != 0)
                        return difference;
        }
        return 0;
}

typedef struct Parts {
        const char *epoch, *epoch_end, *upstream, *upstream_end, *revision, *revision_end;
} Parts;

static Parts split(const char *version)
{
        const char *end = version + strlen(version), *colon = strchr(version, ':');
        const char *upstream = colon ? colon + 1 : version, *dash = strrchr(upstream, '-');

        return (Parts){
                .epoch = version,
                .epoch_end = colon ?: version,
                .upstream = upstream,
                .upstream_end = dash ?: end,
                .revision = dash ? dash + 1 : end,
                .revision_end = end,
        };
}

int debian_version_compare(const char *a, const char *b)
{
        Parts x, y;
        int difference;

        if (!a || !b)
                return !!a - !!b;
        x = split(a);
        y = split(b);
        difference = compare_part(x.epoch, x.epoch_end, y.epoch, y.epoch_end);
        if (difference == 0)
                difference = compare_part(x.upstream, x.upstream_end, y.upstream, y.upstream_end);
        if (difference == 0)
                difference = compare_part(x.revision, x.revision_end, y.revision, y.revision_end);
        return difference;
}

bool debian_version_is_stable_update(const char *version)
{
        for (const char *s = version; (s = strstr(s, "deb")); s += 3) {
                const char *p = s + 3;
                size_t release = strspn(p, "0123456789");

                if (s > version && strchr("+~", s[-1]) && release > 0 && p[release] == 'u' &&
                    isdigit((unsigned char)p[release + 1]))
                        return true;
        }
        return false;
}
