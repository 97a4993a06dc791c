/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One table of names, and UTF-8. */

#include "service/reply.h"

#include "base/buffer.h"
#include "base/utf8.h"
#include "service/names.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const struct {
        int number;
        const char *name;
} machine_names[] = {
        { ENXIO, STEAD1_ERROR "NoSuchMachine" },
        { ENOENT, STEAD1_ERROR "NoSuchDefinition" },
        { EBADMSG, STEAD1_ERROR "BadDefinition" },
        { ERFKILL, STEAD1_ERROR "Masked" },
        { EEXIST, STEAD1_ERROR "AlreadyRunning" },
        { EBUSY, STEAD1_ERROR "Busy" },
        { ESRCH, STEAD1_ERROR "NoSuchProcess" },
        { ETIMEDOUT, STEAD1_ERROR "TimedOut" },
        { EDQUOT, SD_BUS_ERROR_LIMITS_EXCEEDED },
        { EINVAL, SD_BUS_ERROR_INVALID_ARGS },
        { ERANGE, SD_BUS_ERROR_INVALID_ARGS },
        { EPERM, SD_BUS_ERROR_ACCESS_DENIED },
        { EACCES, SD_BUS_ERROR_ACCESS_DENIED },
        { ENOMEM, SD_BUS_ERROR_NO_MEMORY },
        { EOPNOTSUPP, SD_BUS_ERROR_NOT_SUPPORTED },
}, process_names[] = {
        { ENOENT, STEAD1_ERROR "NoSuchCommand" },
        { EACCES, STEAD1_ERROR "NotExecutable" },
        { ESRCH, STEAD1_ERROR "NoSuchUser" },
};

const char *reply_error_name(ReplyTopic topic, int number)
{
        if (topic == REPLY_PROCESS)
                for (size_t i = 0; i < ELEMENTSOF(process_names); i++)
                        if (process_names[i].number == number)
                                return process_names[i].name;
        for (size_t i = 0; i < ELEMENTSOF(machine_names); i++)
                if (machine_names[i].number == number)
                        return machine_names[i].name;
        return STEAD1_ERROR "Failed";
}

char *reply_text(const char *s)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;

        while (s && *s) {
                size_t n = utf8_length(s);

                if (n == 0)
                        buffer_puts(&text, UTF8_REPLACEMENT);
                else
                        buffer_append(&text, s, n);
                s += n ?: 1;
        }
        return buffer_steal(&text);
}

int reply_append_text(sd_bus_message *reply, const char *s)
{
        _cleanup_free_ char *text = reply_text(s);

        return text ? sd_bus_message_append(reply, "s", text) : -ENOMEM;
}

int reply_error(sd_bus_message *m, ReplyTopic topic, const Error *error)
{
        _cleanup_free_ char *text = NULL;
        _cleanup_buffer_ Buffer raw = BUFFER_NULL;

        buffer_puts(&raw, error->message ?: strerror(error->number));
        if (error->hint)
                buffer_printf(&raw, "\n  Try: %s", error->hint);
        text = buffer_error(&raw) < 0 ? NULL : reply_text(raw.data);
        (void)sd_bus_reply_method_errorf(m, reply_error_name(topic, error->number), "%s",
                                         text ?: "Out of memory"); /* or the caller is gone */
        return 1;
}

int reply_errorf(sd_bus_message *m, int number, const char *format, ...)
{
        Error error = { .number = number };
        va_list ap;
        int r;

        va_start(ap, format);
        if (vasprintf(&error.message, format, ap) < 0)
                error.message = NULL;
        va_end(ap);
        r = reply_error(m, REPLY_MACHINE, &error);
        error_done(&error);
        return r;
}
