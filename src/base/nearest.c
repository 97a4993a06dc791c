/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Edit distance with transpositions, case being worth nothing. */

#include "base/nearest.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define WORD_MAX_LENGTH 40 /* nobody mistypes a longer word that we know */

static bool same(char a, char b)
{
        return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static size_t edit_distance(const char *a, size_t n, const char *b, size_t m)
{
        size_t row[3][WORD_MAX_LENGTH + 1]; /* this one and the two before */

        for (size_t j = 0; j <= m; j++)
                row[0][j] = j;
        for (size_t i = 1; i <= n; i++) {
                size_t *now = row[i % 3], *before = row[(i + 2) % 3], *second = row[(i + 1) % 3];

                now[0] = i;
                for (size_t j = 1; j <= m; j++) {
                        size_t d = before[j - 1] + !same(a[i - 1], b[j - 1]);

                        d = MIN_OF(d, MIN_OF(before[j], now[j - 1]) + 1);
                        if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
                                d = MIN_OF(d, second[j - 2] + 1);
                        now[j] = d;
                }
        }
        return row[n % 3][m];
}

void nearest_offer(Nearest *n, const char *candidate)
{
        size_t length = strlen(n->word), other, d;

        if (!candidate)
                return;
        other = strlen(candidate);
        if (length > WORD_MAX_LENGTH || other > WORD_MAX_LENGTH)
                return;
        d = edit_distance(n->word, length, candidate, other);
        if (d > MAX_OF(other / 3, (size_t)1) || (n->best && d >= n->distance))
                return;
        n->best = candidate;
        n->distance = d;
}
