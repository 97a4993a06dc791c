/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* sd_notify(3), both sides: what PID 1 of the machine tells us, and what we tell our own manager.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct PayloadNews {
        bool ready, stopping;
        bool hears_signals; /* X_SYSTEMD_SIGNALS_LEVEL=2: systemd 256+ has its handlers in place */
        char *status;       /* STATUS=, or NULL */
} PayloadNews;

void payload_news_done(PayloadNews *news);

/* Receives one datagram. 1: believed, 0: ignored (from anybody but @leader, or damaged), -EAGAIN:
 * no more, other negative errno. Descriptors that came along are closed. */
int notify_receive(int fd, pid_t leader, PayloadNews *ret);

/* Reads the lines of a message; for notify_receive() and tests. */
int payload_news_parse(char *text, PayloadNews *ret);

/* Sends to $NOTIFY_SOCKET; does nothing, successfully, when there is none. */
int notify_send(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Waits, no longer than @timeout_ms, until our manager has seen all that happened so far: our own
 * start, too, which it may not have noted down yet. Does nothing when there is no manager. */
void notify_wait(int timeout_ms);
