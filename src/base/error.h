/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An error that can reach a person: number, what failed on which object, why, and what to type
 * next. Filled by rooms from config/ upwards through their last parameter; base/ and os/ return
 * bare negative errno. One Error becomes a line of the CLI, a handshake message or a bus error. */

#include "base/cleanup.h"

#include <errno.h>

typedef struct Error {
        int number;    /* positive errno; 0: no error */
        char *message; /* "Failed to mount 'x': No such file" */
        char *hint;    /* the next command to type, or NULL */
} Error;

#define ERROR_NULL ((Error){})
#define _cleanup_error_ _cleanup_(error_done)

void error_done(Error *error);

/* Sets the error (NULL is fine: the caller does not want it) and returns -number. The message is
 * used as it is; a second call on a set error is ignored, so the deepest cause wins. */
int error_set(Error *error, int number, const char *format, ...) _printf_(3, 4);

/* The same, and appends ": " and the text of errno @number. */
int error_errno(Error *error, int number, const char *format, ...) _printf_(3, 4);

/* Puts "context: " before the message of a set error. Returns -error->number. */
int error_prefix(Error *error, const char *format, ...) _printf_(2, 3);

/* Sets the next command to type; replaces an earlier one. */
void error_hint(Error *error, const char *format, ...) _printf_(2, 3);

/* Moves *from into *to, unless @to is NULL or set already; @from is empty afterwards. */
int error_move(Error *to, Error *from);

/* Prints "PROGRAM: message" and, if there is one, an indented line with the hint, to stderr. */
void error_print(const Error *error);
