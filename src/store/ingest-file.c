/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/ingest-file.h"

#include "base/fd.h"
#include "store/inode.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* Up to this size a file is read once, into memory, and written from there if it is new. */
#define SMALL_FILE ((size_t)1024 * 1024)

static int failed(const IngestFile *f, int r, Error *error)
{
        return error_errno(error, -r, "Failed to read '%s'", f->path);
}

int ingest_attributes(const IngestFile *f, const IngestOptions *options, Entry *e, Error *error)
{
        char path[PATH_MAX];
        int r;

        e->mode = f->st->st_mode & 07777;
        e->uid = f->st->st_uid - (uid_t)options->uid_shift;
        e->gid = f->st->st_gid - (gid_t)options->uid_shift;
        e->mtime = f->st->st_mtim.tv_sec;
        if (options->clamp_mtime && e->mtime > options->clamp_mtime)
                e->mtime = options->clamp_mtime;
        (void)snprintf(path, sizeof(path), "%s/%s", fd_path(f->dirfd).path, f->name);
        r = inode_read_attributes(path, e);
        return r < 0 ? failed(f, r, error) : 0;
}

static int check_unchanged(const IngestFile *f, int fd, uint64_t size, Error *error)
{
        struct stat now;

        if (fstat(fd, &now) < 0)
                return failed(f, -errno, error);
        if (size == (uint64_t)f->st->st_size && now.st_size == f->st->st_size &&
            now.st_mtim.tv_sec == f->st->st_mtim.tv_sec &&
            now.st_mtim.tv_nsec == f->st->st_mtim.tv_nsec)
                return 0;
        error_hint(error, "stop what writes to it, and try again");
        return error_set(error, EAGAIN, "'%s' changed while it was read", f->path);
}

/* The store's file system may share blocks with ours, or be another one. */
static int copy_content(int from, int to, uint64_t size)
{
        _cleanup_free_ char *buffer = NULL;
        off_t offset = 0;

        while ((uint64_t)offset < size) {
                ssize_t n = copy_file_range(from, &offset, to, NULL, size - (uint64_t)offset, 0);

                if (n <= 0)
                        break;
        }
        if ((uint64_t)offset == size)
                return 0;
        buffer = malloc(SMALL_FILE);
        if (!buffer)
                return -ENOMEM;
        while ((uint64_t)offset < size) {
                ssize_t n = pread(from, buffer, SMALL_FILE, offset);
                int r = n < 0 ? -errno : n == 0 ? -EAGAIN : write_all(to, buffer, (size_t)n);

                if (r < 0)
                        return r;
                offset += n;
        }
        return 0;
}

/* @data: the content if it was small enough to be in memory. */
static int stage_copy(Store *store, const IngestFile *f, int fd, const char *data, const Entry *e,
                      Error *error)
{
        _cleanup_close_ int to = -EBADF;
        int r = store_new_object(store, &to, error);

        if (r < 0)
                return r;
        r = data ? write_all(to, data, e->size) : copy_content(fd, to, e->size);
        if (r < 0) {
                if (r == -ENOSPC || r == -EDQUOT)
                        error_hint(error, "df -h %s; stead layer gc", store->path);
                return error_errno(error, -r, "Failed to copy '%s' into the store", f->path);
        }
        return store_stage_object(store, to, e, data != NULL, error);
}

static int stage_if_new(Store *store, const IngestFile *f, int fd, const char *data, const Entry *e,
                        Error *error)
{
        Hash id;
        int r = entry_object_id(store->hasher, e, &id);

        if (r < 0)
                return error_set(error, ENOMEM, "Out of memory");
        if (store_has_object(store, &id))
                return 0;
        if (f->consume) {
                r = store_stage_inode(store, f->dirfd, f->name, e, error);
                if (r != -EXDEV && r != -EMLINK)
                        return r;
        }
        return stage_copy(store, f, fd, data, e, error);
}

static int read_small(int fd, size_t size, char **ret)
{
        _cleanup_free_ char *data = malloc(size);
        size_t at = 0;

        if (!data)
                return -ENOMEM;
        while (at < size) {
                ssize_t n = pread(fd, data + at, size - at, (off_t)at);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EAGAIN;
                at += (size_t)n;
        }
        *ret = TAKE_PTR(data);
        return 0;
}

int ingest_content(Store *store, const IngestFile *f, Entry *e, Error *error)
{
        _cleanup_free_ char *data = NULL;
        _cleanup_close_ int fd = openat(f->dirfd, f->name,
                                        O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
        uint64_t size = (uint64_t)f->st->st_size;
        int r = fd < 0 ? -errno : 0;

        if (r >= 0 && size > 0 && size <= SMALL_FILE)
                r = read_small(fd, size, &data);
        if (r >= 0 && data) {
                hasher_add(store->hasher, data, size);
                hasher_end(store->hasher, &e->content);
        } else if (r >= 0) {
                r = hash_of_fd(store->hasher, fd, &e->content, &size);
        }
        if (r < 0 && r != -EAGAIN)
                return failed(f, r, error);
        r = check_unchanged(f, fd, r < 0 ? UINT64_MAX : size, error);
        if (r < 0)
                return r;
        e->size = size;
        return entry_is_object(e) ? stage_if_new(store, f, fd, data, e, error) : 0;
}

int ingest_symlink(Store *store, const IngestFile *f, Entry *e, Error *error)
{
        char target[PATH_MAX];
        ssize_t n = readlinkat(f->dirfd, f->name, target, sizeof(target) - 1);
        Hash id;
        int r;

        if (n < 0)
                return failed(f, -errno, error);
        target[n] = 0;
        e->mode = 0777;
        e->target = strdup(target);
        if (!e->target || hash_of(target, (size_t)n, &e->content) < 0 ||
            entry_object_id(store->hasher, e, &id) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        if (store_has_object(store, &id))
                return 0;
        if (f->consume) {
                r = store_stage_inode(store, f->dirfd, f->name, e, error);
                if (r != -EXDEV && r != -EMLINK)
                        return r;
        }
        return store_stage_object(store, -EBADF, e, true, error);
}
