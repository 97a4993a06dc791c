/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The list of everything that is wrong with a set of files. */

#include "config/diagnostics.h"

#include <string.h>

void diagnostics_done(Diagnostics *d)
{
        for (size_t i = 0; i < d->n; i++) {
                free(d->items[i].origin);
                free(d->items[i].message);
                free(d->items[i].hint);
        }
        free(d->items);
        *d = DIAGNOSTICS_NULL;
}

int diagnostics_add(Diagnostics *d, DiagnosticSeverity severity, const char *origin, Error *error)
{
        Diagnostic *grown = reallocarray(d->items, d->n + 1, sizeof(*grown));
        char *copy = strdup(origin);

        if (severity == DIAGNOSTIC_ERROR)
                d->n_errors++; /* even if there is no room for its text */
        if (grown)
                d->items = grown;
        if (!grown || !copy || !error->message) {
                free(copy);
                error_done(error);
                return -ENOMEM;
        }
        grown[d->n++] =
                (Diagnostic){ severity, copy, TAKE_PTR(error->message), TAKE_PTR(error->hint) };
        error_done(error);
        return 0;
}

int diagnostics_first(const Diagnostics *d, Error *error)
{
        if (d->n_errors == 0)
                return 0;
        for (size_t i = 0; i < d->n; i++) {
                const Diagnostic *item = &d->items[i];
                int r;

                if (item->severity != DIAGNOSTIC_ERROR)
                        continue;
                r = error_set(error, EINVAL, "%s: %s", item->origin, item->message);
                if (item->hint)
                        error_hint(error, "%s", item->hint);
                return r;
        }
        return error_set(error, ENOMEM, "Out of memory while reading a definition");
}

void diagnostics_print(const Diagnostics *d, FILE *f)
{
        for (size_t i = 0; i < d->n; i++) {
                const Diagnostic *item = &d->items[i];

                fprintf(f, "%s: %s%s\n", item->origin,
                        item->severity == DIAGNOSTIC_WARNING ? "warning: " : "", item->message);
                if (item->hint)
                        fprintf(f, "  Try: %s\n", item->hint);
        }
}
