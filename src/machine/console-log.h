/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The last 64 KiB of a machine's console: /run/stead/console/NAME, a ring behind a small header.
 * One writer (the supervisor), any number of readers that need nobody's help, also after the
 * machine has gone. It stays until the next start of that name, `stead remove` or the host's
 * reboot. */

#include "base/error.h"

#include <stdint.h>

#define CONSOLE_LOG_SIZE (64U * 1024U)
#define CONSOLE_LOG_DIRECTORY "/run/stead/console"

typedef struct ConsoleLog {
        int fd;
        uint64_t written; /* bytes ever written */
        const char *name; /* writer: whose log the first output begins; borrowed */
} ConsoleLog;

#define CONSOLE_LOG_NULL ((ConsoleLog){ .fd = -EBADF })

void console_log_done(ConsoleLog *log);
/* Writer: begins the log of log->name with the first call. */
int console_log_append(ConsoleLog *log, const void *data, size_t size);

/* Reader: opens the log of @name; -ENOENT if there never was one. */
int console_log_open(const char *name, ConsoleLog *ret);
/* What came after position *position (0: all that is kept); moves *position. The caller frees it.
 */
int console_log_read(ConsoleLog *log, uint64_t *position, char **ret, size_t *ret_size);

int console_log_remove(const char *name);
