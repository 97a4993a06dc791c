/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages as NUL-separated words. Must not know what they bring about. */

#include "machine/unit-message.h"

#include "base/buffer.h"
#include "base/parse.h"
#include "base/string-table.h"
#include "base/strv.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

static const char *const words[_UNIT_VERB_MAX] = {
        [UNIT_SCOPE] = "SCOPE",
        [UNIT_REGISTER] = "REGISTER",
        [UNIT_UNREGISTER] = "UNREGISTER",
        [UNIT_SET] = "SET",
        [UNIT_OK] = "OK",
        [UNIT_FAILED] = "FAILED",
        [UNIT_STOP] = "STOP",
};

int unit_message_send(int fd, UnitVerb verb, char *const *fields)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        ssize_t n;

        buffer_append(&text, words[verb], strlen(words[verb]) + 1);
        for (char *const *f = fields; f && *f; f++)
                buffer_append(&text, *f, strlen(*f) + 1);
        if (buffer_error(&text) < 0)
                return -ENOMEM;
        if (text.size > UNIT_MESSAGE_MAX)
                return -EMSGSIZE;
        do
                n = send(fd, text.data, text.size, MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : 0;
}

int unit_message_send_error(int fd, const Error *error)
{
        _cleanup_strv_ char **fields = NULL;
        int r = strv_pushf(&fields, "number=%d", error->number);

        if (r >= 0 && error->message)
                r = strv_pushf(&fields, "message=%s", error->message);
        if (r >= 0 && error->hint)
                r = strv_pushf(&fields, "hint=%s", error->hint);
        return r < 0 ? r : unit_message_send(fd, UNIT_FAILED, fields);
}

static int parse(const char *text, size_t size, UnitVerb *ret_verb, char ***ret_fields)
{
        _cleanup_strv_ char **fields = NULL;
        const char *end = text + size, *p = text;
        int verb = _UNIT_VERB_INVALID;

        if (size == 0 || end[-1] != '\0')
                return -EBADMSG;
        for (int i = 0; i < _UNIT_VERB_MAX; i++)
                if (strcmp(words[i], text) == 0)
                        verb = i;
        if (verb < 0)
                return -EBADMSG;
        for (p += strlen(p) + 1; p < end; p += strlen(p) + 1) {
                if (!strchr(p, '='))
                        return -EBADMSG;
                if (strv_push(&fields, p) < 0)
                        return -ENOMEM;
        }
        *ret_verb = (UnitVerb)verb;
        *ret_fields = TAKE_PTR(fields);
        return 0;
}

int unit_message_receive(int fd, int timeout_ms, UnitVerb *ret_verb, char ***ret_fields)
{
        _cleanup_free_ char *text = malloc(UNIT_MESSAGE_MAX);
        struct pollfd p = { .fd = fd, .events = POLLIN };
        ssize_t n;
        int r;

        if (!text)
                return -ENOMEM;
        do
                r = poll(&p, 1, timeout_ms);
        while (r < 0 && errno == EINTR);
        if (r <= 0)
                return r < 0 ? -errno : -EAGAIN;
        do
                n = recv(fd, text, UNIT_MESSAGE_MAX, MSG_TRUNC | MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return errno == ECONNRESET ? -ENODATA : -errno;
        if (n == 0)
                return -ENODATA;
        return n > UNIT_MESSAGE_MAX ? -EBADMSG : parse(text, (size_t)n, ret_verb, ret_fields);
}

const char *unit_message_field(char *const *fields, const char *key)
{
        return strv_env_get(fields, key);
}

int unit_message_error(char *const *fields, Error *error)
{
        const char *number = unit_message_field(fields, "number");
        const char *hint = unit_message_field(fields, "hint");
        int n = EIO;

        if (!number || parse_int(number, &n) < 0 || n <= 0)
                n = EIO;
        (void)error_set(error, n, "%s", unit_message_field(fields, "message") ?: "No reason given");
        if (hint)
                error_hint(error, "%s", hint);
        return -n;
}
