/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The walk over an upper layer. */

#include "stack/upper.h"

#include "base/directory.h"
#include "base/fd.h"
#include "store/ingest-file.h"
#include "store/inode.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

typedef struct Scan {
        const View *const *views;
        size_t n;
        Manifest *manifest;
        Error *error;
} Scan;

static int failed(const Scan *s, int r, const char *path)
{
        return error_errno(s->error, -r, "Failed to read '%s' of the machine's state", path);
}

static bool is_opaque(int fd)
{
        char value = '\0';

        return (fgetxattr(fd, "trusted.overlay.opaque", &value, 1) == 1 ||
                fgetxattr(fd, "user.overlay.opaque", &value, 1) == 1) &&
               value == 'y';
}

static bool is_of_interest(const Scan *s, const char *path)
{
        for (size_t i = 0; i < s->n; i++) {
                const ViewEntry *e = view_find(s->views[i], path);

                if (e && e->entry->kind == ENTRY_DIRECTORY)
                        return true;
        }
        return false;
}

static int read_target(int dirfd, const char *name, Entry *e)
{
        char target[PATH_MAX];
        ssize_t n = readlinkat(dirfd, name, target, sizeof(target) - 1);

        if (n < 0)
                return -errno;
        e->mode = 0777; /* as the store has it */
        e->target = strndup(target, (size_t)n);
        return e->target ? hash_of(e->target, (size_t)n, &e->content) : -ENOMEM;
}

static int fill(const IngestFile *f, Entry *e, Error *error)
{
        static const IngestOptions options = { .layer = true };
        int r;

        e->path = strdup(f->path);
        e->kind = inode_kind(f->st);
        if (!e->path)
                return error_set(error, ENOMEM, "Out of memory");
        if (e->kind == ENTRY_WHITEOUT)
                return 0;
        if (e->kind == ENTRY_CHARACTER_DEVICE || e->kind == ENTRY_BLOCK_DEVICE)
                e->device = f->st->st_rdev;
        r = ingest_attributes(f, &options, e, error);
        if (r < 0)
                return r;
        if (e->kind == ENTRY_FILE)
                e->size = (uint64_t)f->st->st_size;
        r = e->kind == ENTRY_SYMLINK ? read_target(f->dirfd, f->name, e) : 0;
        return r < 0 ? error_errno(error, -r, "Failed to read '%s'", f->path) : 0;
}

static int scan_directory(Scan *s, int fd, const char *path);

static int scan_name(Scan *s, int dirfd, const char *name, const char *path)
{
        _cleanup_(entry_done) Entry e = ENTRY_NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_close_ int fd = -EBADF;
        struct stat st;
        bool enter;
        int r;

        if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : failed(s, -errno, path);
        r = fill(&(IngestFile){ .dirfd = dirfd, .name = name, .path = path, .st = &st }, &e,
                 &error);
        if (r == -ENOENT)
                return 0; /* of a machine that runs, when all that is wanted is a report */
        if (r < 0)
                return error_move(s->error, &error);
        enter = e.kind == ENTRY_DIRECTORY;
        if (enter) {
                fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
                if (fd < 0)
                        return errno == ENOENT ? 0 : failed(s, -errno, path);
                e.opaque = is_opaque(fd);
                enter = is_of_interest(s, path);
        }
        if (manifest_add_take(s->manifest, &e) < 0)
                return failed(s, -ENOMEM, path);
        return enter ? scan_directory(s, fd, path) : 0;
}

static int scan_directory(Scan *s, int fd, const char *path)
{
        _cleanup_closedir_ DIR *d = NULL;
        struct dirent *entry;
        int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

        d = copy < 0 ? NULL : fdopendir(copy);
        if (!d) {
                closep(&copy);
                return failed(s, -errno, path);
        }
        while ((r = directory_next(d, &entry)) > 0) {
                _cleanup_free_ char *child = NULL;

                if (asprintf(&child, "%s/%s", path[1] ? path : "", entry->d_name) < 0)
                        return failed(s, -ENOMEM, path);
                r = scan_name(s, fd, entry->d_name, child);
                if (r < 0)
                        return r;
        }
        return r < 0 ? failed(s, r, path) : 0;
}

int upper_scan(int fd, const View *const *views, size_t n, Manifest *ret, Error *error)
{
        _cleanup_manifest_ Manifest manifest = MANIFEST_NULL;
        Scan s = { .views = views, .n = n, .manifest = &manifest, .error = error };
        _cleanup_(entry_done) Entry root = ENTRY_NULL;
        struct stat st;
        int r;

        if (fstat(fd, &st) < 0)
                return failed(&s, -errno, "/");
        r = fill(&(IngestFile){ .dirfd = fd, .name = ".", .path = "/", .st = &st }, &root, error);
        if (r >= 0 && manifest_add_take(&manifest, &root) < 0)
                r = failed(&s, -ENOMEM, "/");
        if (r >= 0)
                r = scan_directory(&s, fd, "/");
        if (r < 0)
                return r;
        manifest_sort(&manifest);
        *ret = manifest;
        manifest = MANIFEST_NULL;
        return 0;
}
