/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The process between us and one in a machine: it enters (which may take as long as the machine's
 * files do), is the parent, and tells the end. Messages go over a SOCK_SEQPACKET pair, from the
 * child only:
 *
 *     child                                   service
 *       | machine_open(), machine_enter() or     |
 *       | machine_session_begin()                |
 *       |-- PROCESS_STARTED {pid} [pidfd, pty] ->| answers Exec, OpenShell, OpenLogin
 *       |   (or PROCESS_FAILED {errno, text})  ->| answers with the error
 *       | waits                                  |
 *       |-- PROCESS_EXITED {status} ------------>| signal Exited
 */

#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

typedef enum ProcessMessageType {
        PROCESS_STARTED,
        PROCESS_FAILED,
        PROCESS_EXITED,
        _PROCESS_MESSAGE_TYPE_MAX,
} ProcessMessageType;

typedef struct ProcessMessage {
        int type;
        int number; /* errno, exit status */
        pid_t pid;  /* 0: a session of the machine's own, the pidfd is its attendant's */
        char text[2048], hint[256];
} ProcessMessage;

typedef struct ProcessRequest {
        const char *machine, *user, *directory; /* the last two may be NULL */
        char *const *argv;
        char *const *environment;
        bool login_shell, pty;
        bool session; /* a session of the machine's own, where it has such */
        int stdio[3]; /* unless pty */
} ProcessRequest;

/* In a fresh fork. */
_noreturn_ void process_child(const ProcessRequest *request, int socket_fd);
