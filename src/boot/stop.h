/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Asking a machine's init to power off or to reboot, in the way that init understands, and only
 * when it can hear: a signal that PID 1 has no handler for yet is thrown away by the kernel. */

#include "boot/boot.h"

/* 0: asked. -EAGAIN: perhaps it could not hear yet, ask again in a while. Other negative errno:
 * there is no way to ask it. */
int stop_ask(const Boot *b, bool reboot);

/* Whether PID 1 handles, blocks or waits for @signal. */
bool stop_can_hear(pid_t pid, int signal);
