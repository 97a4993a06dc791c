/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Errors as error messages of the bus, and text of unknown origin as text that may travel there:
 * one string that is not UTF-8 makes the bus daemon close the connection of whoever sent it. */

#include "base/error.h"

#include <systemd/sd-bus.h>

/* What an error number means depends on what was wanted. */
typedef enum ReplyTopic {
        REPLY_MACHINE, /* ENOENT: no such definition */
        REPLY_PROCESS, /* ENOENT: no such command */
} ReplyTopic;

/* The name of the error with errno @number on the bus. */
const char *reply_error_name(ReplyTopic topic, int number);
/* Answers @m with the error, its hint on a second line. A call that wants no answer gets none.
 * Returns what an sd-bus handler has to. */
int reply_error(sd_bus_message *m, ReplyTopic topic, const Error *error);
/* The same, made here: the errno and a text. */
int reply_errorf(sd_bus_message *m, int number, const char *format, ...) _printf_(3, 4);

/* A copy in which every byte that is not part of valid UTF-8 is U+FFFD; "" for NULL. The caller
 * frees it; NULL on out of memory. */
char *reply_text(const char *s);
/* Appends such a string to a message. */
int reply_append_text(sd_bus_message *reply, const char *s);
