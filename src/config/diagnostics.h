/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Everything that is to be said about a set of files, not just the first error: `stead check`
 * prints it all. An error keeps the machine from starting; a warning is a line that was ignored. */

#include "base/error.h"

#include <stdio.h>

typedef enum DiagnosticSeverity {
        DIAGNOSTIC_WARNING,
        DIAGNOSTIC_ERROR,
} DiagnosticSeverity;

typedef struct Diagnostic {
        DiagnosticSeverity severity;
        char *origin;  /* "file:line", or the file alone */
        char *message; /* "Key=value: what is wrong and what is allowed" */
        char *hint;    /* what to write or to type instead, or NULL */
} Diagnostic;

typedef struct Diagnostics {
        Diagnostic *items;
        size_t n;
        size_t n_errors;
} Diagnostics;

#define DIAGNOSTICS_NULL ((Diagnostics){})
#define _cleanup_diagnostics_ _cleanup_(diagnostics_done)

void diagnostics_done(Diagnostics *d);
/* Takes message and hint out of @error, which is empty afterwards. */
int diagnostics_add(Diagnostics *d, DiagnosticSeverity severity, const char *origin, Error *error);
/* The first error as one Error, e.g. for a caller that prints a single line. 0 if there is none. */
int diagnostics_first(const Diagnostics *d, Error *error);
/* "file:line: message", warnings marked, hints indented below. */
void diagnostics_print(const Diagnostics *d, FILE *f);
