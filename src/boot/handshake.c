/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Typed messages between supervisor and first process. Must not know what the steps do. */

#include "boot/handshake.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define MAGIC UINT32_C(0x73746561) /* "stea": a stray write of the payload cannot pass for ours */

typedef struct Message {
        uint32_t magic;
        int32_t step;
        int32_t number;
        char message[1024];
        char hint[512];
} Message;

static const char *const step_names[_HANDSHAKE_STEP_MAX] = {
        [HANDSHAKE_JOINED] = "entering its namespaces",
        [HANDSHAKE_ASSEMBLED] = "assembling its file systems",
        [HANDSHAKE_PREPARED] = "preparing itself",
        [HANDSHAKE_GO] = "being set going",
        [HANDSHAKE_FAILED] = "failing",
};

int handshake_new(int *ret_supervisor_fd, int *ret_child_fd)
{
        int pair[2];

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        *ret_supervisor_fd = pair[0];
        *ret_child_fd = pair[1];
        return 0;
}

static int send_message(int fd, const Message *m)
{
        ssize_t n;

        do
                n = send(fd, m, sizeof(*m), MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : 0;
}

int handshake_send(int fd, HandshakeStep step)
{
        return send_message(fd, &(Message){ .magic = MAGIC, .step = (int32_t)step });
}

void handshake_send_error(int fd, const Error *error)
{
        Message m = { .magic = MAGIC, .step = HANDSHAKE_FAILED, .number = error->number };

        (void)snprintf(m.message, sizeof(m.message), "%s", error->message ?: "");
        (void)snprintf(m.hint, sizeof(m.hint), "%s", error->hint ?: "");
        (void)send_message(fd, &m); /* a peer that is gone needs no reason */
}

int handshake_wait(int fd, HandshakeStep step, Error *error)
{
        Message m;
        ssize_t n;

        do
                n = recv(fd, &m, sizeof(m), MSG_TRUNC); /* the whole length */
        while (n < 0 && errno == EINTR);
        if (n < 0 && errno != ECONNRESET)
                return error_errno(error, errno, "Failed to hear from the machine's first process");
        if (n <= 0)
                return 1;
        if (n != sizeof(m) || m.magic != MAGIC || m.step <= 0 || m.step >= _HANDSHAKE_STEP_MAX)
                return error_set(error, EBADMSG,
                                 "The machine's first process sent %zd bytes that are "
                                 "no message of the start",
                                 n);
        if (m.step == HANDSHAKE_FAILED) {
                m.message[sizeof(m.message) - 1] = m.hint[sizeof(m.hint) - 1] = '\0';
                error_set(error, m.number > 0 ? m.number : EIO, "%s", m.message);
                if (m.hint[0])
                        error_hint(error, "%s", m.hint);
                return -error->number;
        }
        if (m.step != (int32_t)step)
                return error_set(error, EBADMSG,
                                 "The machine's first process is %s while it should be %s",
                                 step_names[m.step], step_names[step]);
        return 0;
}
