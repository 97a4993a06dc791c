/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A method call that a child process works for, and that is answered when that ends. */

#include "service/child.h"
#include "service/service.h"

/* Answers the call @m; returns what a handler has to. */
typedef int (*CallAnswer)(sd_bus_message *m, const ChildEnd *end);

/* Both return what a handler has to. @argument is copied with the process. */
int call_program(Service *s, sd_bus_message *m, char *const *argv, CallAnswer answer);
int call_function(Service *s, sd_bus_message *m, ChildFunction function, const void *argument,
                  CallAnswer answer);

/* An answer: all output as one string, or the words of the program as an error. */
int call_answer_text(sd_bus_message *m, const ChildEnd *end);
/* An answer: nothing, or the words of the program as an error. */
int call_answer_nothing(sd_bus_message *m, const ChildEnd *end);
/* For answers: the words of the program as an error. */
int call_answer_error(sd_bus_message *m, const ChildEnd *end);
