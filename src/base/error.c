/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Error values with a message and a hint. Must not know who shows them, apart from
 * error_print(), the one way in which a main function puts them on stderr. */

#include "base/error.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void error_done(Error *error)
{
        if (!error)
                return;
        free(error->message);
        free(error->hint);
        *error = ERROR_NULL;
}

static char *format_text(const char *format, va_list ap) __attribute__((format(printf, 1, 0)));
static char *format_text(const char *format, va_list ap)
{
        char *text = NULL;

        return vasprintf(&text, format, ap) < 0 ? NULL : text;
}

int error_set(Error *error, int number, const char *format, ...)
{
        va_list ap;

        if (!error || error->number != 0)
                return -number;

        va_start(ap, format);
        error->message = format_text(format, ap);
        va_end(ap);
        error->number = number;
        return -number;
}

int error_errno(Error *error, int number, const char *format, ...)
{
        _cleanup_free_ char *text = NULL;
        va_list ap;

        if (!error || error->number != 0)
                return -number;

        va_start(ap, format);
        text = format_text(format, ap);
        va_end(ap);
        return error_set(error, number, "%s: %s", text ?: "Failed", strerror(number));
}

int error_prefix(Error *error, const char *format, ...)
{
        _cleanup_free_ char *context = NULL, *old = NULL;
        va_list ap;

        if (!error || error->number == 0)
                return -EINVAL; /* the caller has failed all the same */

        va_start(ap, format);
        context = format_text(format, ap);
        va_end(ap);

        old = TAKE_PTR(error->message);
        if (!context || asprintf(&error->message, "%s: %s", context, old ?: "?") < 0)
                error->message = TAKE_PTR(old);
        return -error->number;
}

void error_hint(Error *error, const char *format, ...)
{
        va_list ap;

        if (!error)
                return;

        free(error->hint);
        va_start(ap, format);
        error->hint = format_text(format, ap);
        va_end(ap);
}

int error_move(Error *to, Error *from)
{
        int number = from->number;

        if (to && to->number == 0) {
                *to = *from;
                *from = ERROR_NULL;
        } else {
                error_done(from);
        }
        return -number;
}

void error_print(const Error *error)
{
        if (error->number == 0)
                return;
        fprintf(stderr, "%s: %s\n", program_invocation_short_name,
                error->message ?: strerror(error->number));
        if (error->hint)
                fprintf(stderr, "  Try: %s\n", error->hint);
}
