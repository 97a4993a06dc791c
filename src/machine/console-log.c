/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ring of the console's last output. The header's counter is written after the data, so a
 * reader that sees the counter sees the bytes; one that was lapped while reading starts again. */

#include "machine/console-log.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define HEADER_SIZE ((off_t)sizeof(uint64_t))
/* What is being written and not counted yet overwrites something older than what is kept: so the
 * ring is larger than that by one step. */
#define STEP_SIZE ((size_t)4096)
#define RING_SIZE (CONSOLE_LOG_SIZE + STEP_SIZE)

static int log_open(const char *name, int flags, ConsoleLog *ret)
{
        char path[256];
        int fd;

        if (snprintf(path, sizeof(path), CONSOLE_LOG_DIRECTORY "/%s", name) >= (int)sizeof(path))
                return -ENAMETOOLONG;
        fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        *ret = (ConsoleLog){ .fd = fd };
        return 0;
}

static int read_counter(int fd, uint64_t *ret)
{
        ssize_t n = pread(fd, ret, sizeof(*ret), 0);

        return n < 0 ? -errno : n == sizeof(*ret) ? 0 : -ENODATA;
}

static int log_create(ConsoleLog *log)
{
        const char *name = log->name;
        int r = log_open(name, O_RDWR | O_CREAT | O_EXCL, log);

        if (r == -ENOENT) {
                r = mkdir_parents_at(AT_FDCWD, CONSOLE_LOG_DIRECTORY, 0755);
                if (r >= 0)
                        r = log_open(name, O_RDWR | O_CREAT | O_EXCL, log);
        }
        log->name = name;
        return r;
}

void console_log_done(ConsoleLog *log)
{
        closep(&log->fd);
        *log = CONSOLE_LOG_NULL;
}

int console_log_append(ConsoleLog *log, const void *data, size_t size)
{
        const char *p = data;

        if (log->fd < 0 && log->name) {
                int r = log_create(log);

                if (r < 0) {
                        log->name = NULL; /* no log this time; trying at each line would not help */
                        return r;
                }
        }
        if (log->fd < 0)
                return 0;
        while (size > 0) {
                uint64_t at = log->written % RING_SIZE;
                size_t part = MIN_OF(MIN_OF(size, STEP_SIZE), (size_t)(RING_SIZE - at));
                ssize_t n = pwrite(log->fd, p, part, HEADER_SIZE + (off_t)at);

                if (n < 0)
                        return -errno;
                p += n;
                size -= (size_t)n;
                log->written += (uint64_t)n;
                if (pwrite(log->fd, &log->written, sizeof(log->written), 0) < 0)
                        return -errno;
        }
        return 0;
}

int console_log_open(const char *name, ConsoleLog *ret)
{
        return log_open(name, O_RDONLY, ret);
}

static int read_ring(int fd, uint64_t from, uint64_t to, char *data)
{
        while (from < to) {
                uint64_t at = from % RING_SIZE;
                size_t part = (size_t)MIN_OF(to - from, RING_SIZE - at);
                ssize_t n = pread(fd, data, part, HEADER_SIZE + (off_t)at);

                if (n <= 0)
                        return n < 0 ? -errno : -ENODATA;
                data += n;
                from += (uint64_t)n;
        }
        return 0;
}

int console_log_read(ConsoleLog *log, uint64_t *position, char **ret, size_t *ret_size)
{
        for (;;) {
                _cleanup_free_ char *data = NULL;
                uint64_t written, after, from = *position;
                int r = read_counter(log->fd, &written);

                if (r < 0)
                        return r;
                if (written - from > CONSOLE_LOG_SIZE)
                        from = written > CONSOLE_LOG_SIZE ? written - CONSOLE_LOG_SIZE : 0;
                data = malloc(written - from + 1);
                if (!data)
                        return -ENOMEM;
                r = read_ring(log->fd, from, written, data);
                if (r < 0)
                        return r;
                r = read_counter(log->fd, &after);
                if (r < 0)
                        return r;
                if (after - from > CONSOLE_LOG_SIZE)
                        continue; /* what we read was overwritten meanwhile */
                data[written - from] = '\0';
                *ret = TAKE_PTR(data);
                *ret_size = (size_t)(written - from);
                *position = written;
                return 0;
        }
}

int console_log_remove(const char *name)
{
        char path[256];

        if (snprintf(path, sizeof(path), CONSOLE_LOG_DIRECTORY "/%s", name) >= (int)sizeof(path))
                return -ENAMETOOLONG;
        return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}
