/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Clone, else stretch by stretch in the kernel, else through our memory. A file's size is what its
 * end says: files of proc and sysfs say 0 and hold something. */

#include "os/copy-data.h"

#include "base/cleanup.h"
#include "base/fd.h"

#include <errno.h>
#include <linux/fs.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* So much between two looks at the other side. */
#define STRETCH ((size_t)8 * 1024 * 1024)
#define BLOCK ((size_t)128 * 1024)

static bool is_abandoned(int watch_fd)
{
        struct pollfd fd = { .fd = watch_fd };

        return poll(&fd, 1, 0) > 0 && (fd.revents & (POLLHUP | POLLERR));
}

/* At most @size bytes from where @from stands. Returns how many, 0 at the end of the file. */
static ssize_t copy_in_memory(int from, int to, char *block, size_t size)
{
        ssize_t n;
        int r;

        do
                n = read(from, block, MIN_OF(size, BLOCK));
        while (n < 0 && errno == EINTR);
        if (n <= 0)
                return n < 0 ? -errno : 0;
        r = write_all(to, block, (size_t)n);
        return r < 0 ? r : n;
}

/* Errors that only say that the kernel cannot do it for these two files. */
static bool is_refusal(int error)
{
        return error == EXDEV || error == EINVAL || error == EOPNOTSUPP || error == ENOSYS ||
               error == EPERM || error == ETXTBSY;
}

static int need_block(DataCopier *c)
{
        if (!c->block)
                c->block = malloc(BLOCK);
        return c->block ? 0 : -ENOMEM;
}

typedef struct Stretch {
        DataCopier *copier;
        int from, to;
        bool in_memory;
} Stretch;

/* @size bytes from where both files stand; less only at the end of the first. */
static ssize_t copy_stretch(Stretch *s, size_t size)
{
        size_t done = 0;

        while (done < size) {
                ssize_t n;

                if (is_abandoned(s->copier->watch_fd))
                        return -ECONNABORTED;
                if (!s->in_memory) {
                        n = copy_file_range(s->from, NULL, s->to, NULL,
                                            MIN_OF(size - done, STRETCH), 0);
                        if (n < 0 && errno == EINTR)
                                continue;
                        if (n < 0 && !is_refusal(errno))
                                return -errno;
                        /* 0 may be the end, or a file of proc, which it does not read */
                        if (n <= 0)
                                s->in_memory = true;
                } else {
                        n = need_block(s->copier);
                        if (n >= 0)
                                n = copy_in_memory(s->from, s->to, s->copier->block, size - done);
                        if (n < 0)
                                return n;
                        if (n == 0)
                                break;
                }
                if (n > 0)
                        done += (size_t)n;
        }
        return (ssize_t)done;
}

/* From the position @at on: one stretch of data, or the end. Returns 1 if there is more. */
static int copy_next(Stretch *s, off_t *at)
{
        off_t data = lseek(s->from, *at, SEEK_DATA), hole;
        ssize_t n;

        if (data < 0 && errno == ENXIO)
                return 0; /* nothing but a hole */
        if (data < 0)
                return -errno;
        hole = lseek(s->from, data, SEEK_HOLE);
        if (hole < 0)
                return errno == ENXIO ? 0 : -errno; /* it was cut just now */
        if (lseek(s->from, data, SEEK_SET) < 0 || lseek(s->to, data, SEEK_SET) < 0)
                return -errno;
        n = copy_stretch(s, (size_t)(hole - data));
        if (n < 0)
                return (int)n;
        *at = data + n;
        return n == hole - data;
}

static int copy_to_end(Stretch *s)
{
        ssize_t n;

        if ((lseek(s->from, 0, SEEK_SET) < 0 && errno != ESPIPE) || lseek(s->to, 0, SEEK_SET) < 0)
                return -errno;
        s->in_memory = true;
        do
                n = copy_stretch(s, STRETCH);
        while (n > 0);
        return (int)n;
}

static int copy_stretches(Stretch *s, off_t size)
{
        off_t at = 0, now;
        int r;

        do
                r = copy_next(s, &at);
        while (r > 0);
        if (r < 0)
                return r;
        /* the hole at the end; what was added meanwhile is not part of it */
        now = lseek(s->from, 0, SEEK_END);
        return ftruncate(s->to, MAX_OF(at, MIN_OF(size, now))) < 0 ? -errno : 0;
}

void data_copier_done(DataCopier *c)
{
        free(c->block);
        c->block = NULL;
}

int copy_data(DataCopier *c, int from, int to)
{
        Stretch s = { .copier = c, .from = from, .to = to };
        struct stat st;
        int r;

        if (fstat(from, &st) < 0)
                return -errno;
        if (st.st_size > 0 && !c->no_clone) {
                if (ioctl(to, FICLONE, from) >= 0)
                        return 0;
                c->no_clone = errno == EOPNOTSUPP || errno == ENOTTY || errno == EXDEV;
        }
        /* Most files are small and have no holes. */
        if (st.st_size < (off_t)BLOCK && st.st_blocks * 512 >= st.st_size)
                return copy_to_end(&s);
        r = copy_stretches(&s, st.st_size);
        /* no SEEK_DATA here */
        return r == -EINVAL || r == -ESPIPE ? copy_to_end(&s) : r;
}
