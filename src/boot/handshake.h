/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The talk between the supervisor and the process that becomes PID 1, over one SOCK_SEQPACKET pair:
 *
 *   supervisor                          first process
 *       | clone3(namespaces, cgroup) -------> |
 *       | writes the id maps, builds most of  | new cgroup namespace, rooted where it is
 *       | the machine's file systems          |
 *       | <------------------------ JOINED -- |
 *       | builds those of its namespaces      |
 *       | -- ASSEMBLED ---------------------> |
 *       | leaves the private mount namespace, | takes its ids, copies the mount namespace;
 *       | writes the state file               | session, console, limits; reads masks back;
 *       |                                     | gives privileges away
 *       | <---------------------- PREPARED -- |
 *       | -- GO ----------------------------> |
 *       |                                     | exec
 *       | <-------------- end of file: it runs |
 *
 * At any step either side may say FAILED with errno, what was done and on what; the first process
 * also leaves when the supervisor goes away. Each side checks what it gets. */

#include "base/error.h"

#include <stdint.h>

typedef enum HandshakeStep {
        HANDSHAKE_JOINED = 1,
        HANDSHAKE_ASSEMBLED,
        HANDSHAKE_PREPARED,
        HANDSHAKE_GO,
        HANDSHAKE_FAILED,
        _HANDSHAKE_STEP_MAX,
        _HANDSHAKE_STEP_INVALID = -EINVAL,
} HandshakeStep;

int handshake_new(int *ret_supervisor_fd, int *ret_child_fd);
int handshake_send(int fd, HandshakeStep step);
/* Sends the error's number, message and hint. */
void handshake_send_error(int fd, const Error *error);

/* Waits for @step. 0: it came; 1: end of file; negative: the peer's FAILED, now in @error, or a
 * message that should not come now. */
int handshake_wait(int fd, HandshakeStep step, Error *error);
