/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Zeros are looked for in blocks of the size that file systems have; data that lies together is
 * written by one call. */

#include "os/sparse.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define BLOCK ((size_t)4096)

static bool is_zero(const char *data, size_t size)
{
        return data[0] == 0 && memcmp(data, data + 1, size - 1) == 0;
}

static int write_at(int fd, const char *data, size_t size, off_t offset)
{
        while (size > 0) {
                ssize_t n = pwrite(fd, data, size, offset);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                data += n;
                size -= (size_t)n;
                offset += n;
        }
        return 0;
}

ssize_t sparse_write(int fd, const void *data, size_t size, off_t offset)
{
        const char *bytes = data;
        size_t begin = 0, at = 0, written = 0; /* data from @begin to @at is not written yet */

        while (at <= size) {
                size_t n = MIN_OF(BLOCK, size - at);
                int r = 0;

                if (n > 0 && !is_zero(bytes + at, n)) {
                        at += n;
                        continue;
                }
                if (at > begin)
                        r = write_at(fd, bytes + begin, at - begin, offset + (off_t)begin);
                if (r < 0)
                        return r;
                written += at - begin;
                if (n == 0)
                        break;
                begin = at += n;
        }
        return (ssize_t)written;
}
