/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Processes held by descriptor (5.3+), so that a reused number is never signalled. */

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

int pidfd_open_process(pid_t pid);
int pidfd_signal(int pid_fd, int signal);
/* Whether the process still runs (a zombie does not). */
bool pidfd_is_alive(int pid_fd);
/* Waits for the end, at most @timeout_ms (-1: for ever). 1: ended, 0: timeout. */
int pidfd_wait_end(int pid_fd, int timeout_ms);
/* Reaps a child; blocks. */
int pidfd_reap(int pid_fd, siginfo_t *ret);
