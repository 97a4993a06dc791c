/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Clone, else read and written without the zeros; compressed ones through libarchive. */

#include "image/disk-copy.h"

#include "base/cleanup.h"
#include "image/file-format.h"
#include "os/sparse.h"

#include <archive.h>
#include <archive_entry.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define STRETCH ((size_t)1024 * 1024)

typedef struct Copy {
        Worker *worker;
        const ArchiveSource *source;
        int to_fd;
        uint64_t n_data; /* bytes that are on the disk now */
        int percent;
        char *block;
} Copy;

/* What is unpacked, by filters inside of the library; no program of the host is run for an image.
 */
static const struct {
        const char *format;
        int (*support)(struct archive *a);
} filters[] = {
        { "gzip", archive_read_support_filter_gzip },
        { "xz", archive_read_support_filter_xz },
        { "zstd", archive_read_support_filter_zstd },
        { "bzip2", archive_read_support_filter_bzip2 },
};

bool disk_is_compressed(int fd)
{
        const FileFormat *f = file_format_find(fd);

        for (size_t i = 0; f && f->kind == DISK_REFUSED_PACKED && i < ELEMENTSOF(filters); i++)
                if (strcmp(f->name, filters[i].format) == 0)
                        return true;
        return false;
}

static bool has_boot_sector(int fd)
{
        unsigned char mark[2];

        return pread(fd, mark, sizeof(mark), 510) == sizeof(mark) && mark[0] == 0x55 &&
               mark[1] == 0xaa;
}

bool disk_is_meant(int fd, const char *name)
{
        static const char *const endings[] = { "", ".xz", ".gz", ".zst", ".bz2", ".lz4", ".zip" };
        const FileFormat *format = file_format_find(fd);
        bool boots = has_boot_sector(fd);
        struct stat st;

        /* the first kilobyte of a tar file is a header of text and zeros */
        if (format && strcmp(format->name ?: "", "tar") == 0 && !boots)
                return false;
        for (size_t i = 0; i < ELEMENTSOF(endings); i++) {
                char raw[16], img[16];

                (void)snprintf(raw, sizeof(raw), "*.raw%s", endings[i]);
                (void)snprintf(img, sizeof(img), "*.img%s", endings[i]);
                if (fnmatch(raw, name, 0) == 0 || fnmatch(img, name, 0) == 0)
                        return true;
        }
        if (fstat(fd, &st) < 0 || (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)))
                return false;
        return S_ISBLK(st.st_mode) || boots || (format && format->kind == DISK_REFUSED_FORMAT);
}

static void tell(Copy *c, uint64_t read)
{
        uint64_t size = c->source->size;
        int percent = size > 0 ? (int)MIN_OF(read * 100 / size, UINT64_C(100)) : 0;

        if (percent == c->percent)
                return;
        c->percent = percent;
        worker_stage(c->worker, "copying '%s': %d%%, %" PRIu64 " MiB on disk", c->source->name,
                     percent, c->n_data >> 20);
}

static int write_error(int r, const Copy *c, Error *error)
{
        if (r == -ENOSPC || r == -EDQUOT)
                return error_set(error, ENOSPC, "No space left on the disk while copying '%s'",
                                 c->source->name);
        return error_errno(error, -r, "Failed to write the copy of '%s'", c->source->name);
}

/* Nobody's image may fill the disk. */
static int put(Copy *c, const void *data, size_t size, off_t offset, Error *error)
{
        ssize_t n = sparse_write(c->to_fd, data, size, offset);

        if (n < 0)
                return write_error((int)n, c, error);
        c->n_data += (uint64_t)n;
        if (c->source->max_bytes > 0 && c->n_data > c->source->max_bytes)
                return error_set(error, ENOSPC,
                                 "'%s' is not copied: it holds more than the %" PRIu64
                                 " MiB that are free on the disk",
                                 c->source->name, c->source->max_bytes >> 20);
        return 0;
}

static int finish(Copy *c, off_t size, Error *error)
{
        if (size == 0)
                return error_set(error, ENODATA, "'%s' is empty", c->source->name);
        if (ftruncate(c->to_fd, size) < 0)
                return write_error(-errno, c, error);
        return 0;
}

static int read_error(const Copy *c, Error *error)
{
        return error_errno(error, errno, "Failed to read '%s'", c->source->name);
}

/* From @at to @end, of which the file system says that it is data. */
static int copy_stretch(Copy *c, off_t at, off_t end, Error *error)
{
        while (at < end) {
                ssize_t n = pread(c->source->fd, c->block, MIN_OF(STRETCH, (size_t)(end - at)), at);
                int r;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return read_error(c, error);
                if (n == 0)
                        return error_set(error, EBUSY, "'%s' has become shorter meanwhile",
                                         c->source->name);
                r = put(c, c->block, (size_t)n, at, error);
                if (r < 0)
                        return r;
                at += n;
                tell(c, (uint64_t)at);
        }
        return 0;
}

static int copy_plain(Copy *c, Error *error)
{
        off_t size = lseek(c->source->fd, 0, SEEK_END), at = 0;

        if (size < 0)
                return read_error(c, error);
        if (size > 0 && ioctl(c->to_fd, FICLONE, c->source->fd) >= 0)
                return 0;
        while (at < size) {
                off_t data = lseek(c->source->fd, at, SEEK_DATA), hole = size;
                int r;

                if (data < 0 && errno == ENXIO)
                        break; /* nothing but a hole */
                if (data >= 0)
                        hole = lseek(c->source->fd, data, SEEK_HOLE);
                if (data < 0 || hole < 0) { /* a block device has none */
                        data = at;
                        hole = size;
                }
                r = copy_stretch(c, data, MIN_OF(hole, size), error);
                if (r < 0)
                        return r;
                at = hole;
        }
        return finish(c, size, error);
}

static int unpack_error(const Copy *c, struct archive *a, Error *error)
{
        error_hint(error, "get it again, this copy seems to be cut short or damaged");
        return error_set(error, EBADMSG, "Failed to unpack '%s': %s", c->source->name,
                         archive_error_string(a) ?: "unknown error");
}

static int open_packed(const Copy *c, struct archive *a)
{
        struct archive_entry *entry;

        for (size_t i = 0; i < ELEMENTSOF(filters); i++)
                if (filters[i].support(a) != ARCHIVE_OK)
                        return -EBADMSG;
        return archive_read_support_format_raw(a) == ARCHIVE_OK &&
                               archive_read_open_fd(a, c->source->fd, STRETCH / 4) == ARCHIVE_OK &&
                               archive_read_next_header(a, &entry) == ARCHIVE_OK
                       ? 0
                       : -EBADMSG;
}

static int unpack_blocks(Copy *c, struct archive *a, Error *error)
{
        off_t end = 0;

        for (;;) {
                const void *block;
                size_t size;
                la_int64_t offset;
                int r = archive_read_data_block(a, &block, &size, &offset);

                if (r == ARCHIVE_EOF)
                        return finish(c, end, error);
                if (r < ARCHIVE_WARN)
                        return unpack_error(c, a, error);
                r = size > 0 ? put(c, block, size, offset, error) : 0;
                if (r < 0)
                        return r;
                end = offset + (off_t)size;
                tell(c, (uint64_t)MAX_OF(archive_filter_bytes(a, -1), (la_int64_t)0));
        }
}

static int unpack(Copy *c, Error *error)
{
        struct archive *a = archive_read_new();
        int r;

        if (!a)
                return error_set(error, ENOMEM, "Out of memory");
        r = open_packed(c, a) < 0 ? unpack_error(c, a, error) : unpack_blocks(c, a, error);
        (void)archive_read_free(a); /* the data is complete or an error is set */
        return r;
}

int disk_copy(Worker *worker, const ArchiveSource *source, int to_fd, Error *error)
{
        _cleanup_free_ char *block = malloc(STRETCH);
        Copy c = {
                .worker = worker, .source = source, .to_fd = to_fd, .percent = -1, .block = block
        };

        if (!block)
                return error_set(error, ENOMEM, "Out of memory");
        worker_stage(worker, "copying '%s'", source->name);
        return disk_is_compressed(source->fd) ? unpack(&c, error) : copy_plain(&c, error);
}
