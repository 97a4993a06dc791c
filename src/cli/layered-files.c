/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A walk over the upper layer, with a look at what is below each entry. */

#include "cli/layered-files.h"

#include "base/directory.h"
#include "base/fd.h"
#include "base/string-table.h"
#include "os/path.h"
#include "stack/package-change.h"
#include "store/inode.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define DPKG_STATUS "/var/lib/dpkg/status"
#define STATUS_MAX ((size_t)256 * 1024 * 1024)

DEFINE_STRING_TABLE(
        file_change,
        FileChangeKind, [FILE_CHANGE_ADDED] = "added", [FILE_CHANGE_CHANGED] = "changed",
        [FILE_CHANGE_ATTRIBUTES] = "attributes", [FILE_CHANGE_REMOVED] = "removed")

typedef struct Walk {
        const int *lower_fds;
        LayeredFiles *files;
} Walk;

void layered_files_done(LayeredFiles *f)
{
        for (size_t i = 0; i < f->n; i++)
                free(f->items[i].path);
        free(f->items);
        drift_done(&f->packages);
        *f = LAYERED_FILES_NULL;
}

static int add(Walk *w, FileChangeKind kind, const char *path, const struct stat *st)
{
        LayeredFiles *f = w->files;
        FileChange *grown = reallocarray(f->items, f->n + 1, sizeof(*grown));
        char *copy = strdup(path);

        if (grown)
                f->items = grown;
        if (!grown || !copy) {
                free(copy);
                return -ENOMEM;
        }
        grown[f->n++] = (FileChange){ .kind = kind,
                                      .path = copy,
                                      .directory = S_ISDIR(st->st_mode),
                                      .size = S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0 };
        return 0;
}

static bool is_whiteout(const struct stat *st)
{
        return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

static bool is_opaque(int fd)
{
        char value = 0;

        return fgetxattr(fd, "trusted.overlay.opaque", &value, 1) == 1 && value == 'y';
}

/* What shows below: O_PATH, or -ENOENT. @ret_lower: the layer that it is in. */
static int open_below(const Walk *w, const char *path, struct stat *ret, int *ret_lower)
{
        for (const int *lower = w->lower_fds; *lower >= 0; lower++) {
                _cleanup_close_ int fd = path_open(*lower, path, O_PATH | O_NOFOLLOW, 0);

                if (fd < 0)
                        continue;
                if (fstat(fd, ret) < 0)
                        return -errno;
                *ret_lower = *lower;
                return is_whiteout(ret) ? -ENOENT : TAKE_FD(fd);
        }
        return -ENOENT;
}

static bool same_link(int dirfd, const char *name, int below)
{
        char a[PATH_MAX], b[PATH_MAX];
        ssize_t n = readlinkat(dirfd, name, a, sizeof(a)), m = readlinkat(below, "", b, sizeof(b));

        return n >= 0 && n == m && memcmp(a, b, (size_t)n) == 0;
}

static bool same_data(int a, int b)
{
        char x[65536], y[sizeof(x)];

        for (;;) {
                ssize_t n = read(a, x, sizeof(x)), m;

                if (n <= 0)
                        return n == 0;
                for (ssize_t got = 0; got < n; got += m) {
                        m = read(b, y, (size_t)(n - got));
                        if (m <= 0 || memcmp(x + got, y, (size_t)m) != 0)
                                return false;
                }
        }
}

static bool same_content(int dirfd, const char *name, const struct stat *st, int below,
                         const struct stat *below_st)
{
        _cleanup_close_ int a = -EBADF, b = -EBADF;

        if ((st->st_mode & S_IFMT) != (below_st->st_mode & S_IFMT))
                return false;
        if (S_ISLNK(st->st_mode))
                return same_link(dirfd, name, below);
        if (!S_ISREG(st->st_mode))
                return st->st_rdev == below_st->st_rdev;
        if (st->st_size != below_st->st_size)
                return false;
        a = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        b = open(fd_path(below).path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        return a >= 0 && b >= 0 && same_data(a, b);
}

/* Mode, owner, extended attributes, and whether what is below in a directory is hidden. */
static bool same_attributes(int dirfd, const char *name, int lower_fd, const char *path)
{
        _cleanup_(entry_done) Entry a = ENTRY_NULL, b = ENTRY_NULL;
        const char *lower_name;
        _cleanup_close_ int lower_dirfd = path_open_parent(lower_fd, path, &lower_name);

        if (inode_read(dirfd, name, &a) < 0)
                return true; /* gone just now: the machine runs on */
        return lower_dirfd >= 0 && inode_read(lower_dirfd, lower_name, &b) >= 0 &&
               entry_equal(&a, &b, true);
}

static int compare_entry(Walk *w, int dirfd, const char *name, const char *path,
                         const struct stat *st, bool hidden)
{
        struct stat below_st;
        int lower = -EBADF;
        _cleanup_close_ int below = hidden ? -ENOENT : open_below(w, path, &below_st, &lower);

        if (below < 0 && below != -ENOENT)
                return below;
        if (is_whiteout(st))
                return below < 0 ? 0 : add(w, FILE_CHANGE_REMOVED, path, &below_st);
        if (below < 0)
                return add(w, FILE_CHANGE_ADDED, path, st);
        if (!same_content(dirfd, name, st, below, &below_st))
                return add(w, FILE_CHANGE_CHANGED, path, st);
        return same_attributes(dirfd, name, lower, path) ? 0
                                                         : add(w, FILE_CHANGE_ATTRIBUTES, path, st);
}

/* @hidden: an opaque directory is above; what was there is not of interest one by one. */
static int walk(Walk *w, int fd_consume, const char *path, bool hidden)
{
        _cleanup_closedir_ DIR *d = fdopendir(fd_consume);
        struct dirent *e;
        int r;

        if (!d) {
                r = -errno;
                (void)close(fd_consume); /* fdopendir() did not take it */
                return r;
        }
        while ((r = directory_next(d, &e)) > 0) {
                _cleanup_free_ char *child = NULL;
                struct stat st;
                int fd;

                if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
                        if (errno == ENOENT)
                                continue; /* the machine runs on */
                        return -errno;
                }
                if (asprintf(&child, "%s/%s", path, e->d_name) < 0) {
                        child = NULL;
                        return -ENOMEM;
                }
                r = compare_entry(w, dirfd(d), e->d_name, child, &st, hidden);
                if (r < 0)
                        return r;
                if (!S_ISDIR(st.st_mode))
                        continue;
                fd = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (fd >= 0)
                        r = walk(w, fd, child, hidden || is_opaque(fd));
                else if (errno != ENOENT)
                        r = -errno;
                if (r < 0)
                        return r;
        }
        return r;
}

static int compare_paths(const void *a, const void *b)
{
        return strcmp(((const FileChange *)a)->path, ((const FileChange *)b)->path);
}

/* Only if the upper layer has a database of its own. */
static int find_packages(Walk *w, int upper_fd, Error *error)
{
        _cleanup_free_ char *before = NULL, *after = NULL;
        _cleanup_package_changes_ PackageChanges changes = PACKAGE_CHANGES_NULL;
        ssize_t n = path_read(upper_fd, DPKG_STATUS, STATUS_MAX, &after);

        if (n < 0)
                return 0;
        for (const int *lower = w->lower_fds; *lower >= 0 && !before; lower++)
                if (path_read(*lower, DPKG_STATUS, STATUS_MAX, &before) < 0)
                        before = NULL;
        if (package_changes_find(before, after, &changes) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        w->files->packages.packages = TAKE_PTR(changes.items);
        w->files->packages.n_packages = changes.n;
        return 0;
}

int layered_files_find(int upper_fd, const int *lower_fds, LayeredFiles *ret, Error *error)
{
        _cleanup_layered_files_ LayeredFiles files = LAYERED_FILES_NULL;
        Walk w = { .lower_fds = lower_fds, .files = &files };
        int fd = openat(upper_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

        r = fd < 0 ? -errno : walk(&w, fd, "", false);
        if (r < 0)
                return error_errno(error, -r,
                                   "Failed to compare the upper layer with what is "
                                   "below it");
        if (files.n > 0)
                qsort(files.items, files.n, sizeof(*files.items), compare_paths);
        r = find_packages(&w, upper_fd, error);
        if (r < 0)
                return r;
        *ret = files;
        files = LAYERED_FILES_NULL;
        return 0;
}

/* What is below the try, or the machine's own upper layer, from the top. */
static int open_lowers(const Layered *l, bool of_try, int **ret, Error *error)
{
        _cleanup_store_ Store store = STORE_NULL;
        int *fds, upper, r = store_open(NULL, STORE_ADD, &store, error);

        if (r >= 0)
                r = layered_open_lowers(&store, l->stack.lowers, l->stack.n_lowers, &fds, error);
        if (r < 0)
                return r;
        upper = of_try ? layered_open_upper(l, "upper") : -EBADF;
        if (upper >= 0) {
                int *grown = calloc(l->stack.n_lowers + 2, sizeof(int));

                if (!grown) {
                        closep(&upper);
                        layered_close_lowers(fds);
                        return error_set(error, ENOMEM, "Out of memory");
                }
                grown[0] = upper;
                for (size_t i = 0; i <= l->stack.n_lowers; i++)
                        grown[i + 1] = fds[i];
                free(fds);
                fds = grown;
        }
        *ret = fds;
        return 0;
}

int layered_files_of(const Layered *l, bool of_try, LayeredFiles *ret, Error *error)
{
        _cleanup_close_ int upper = layered_open_upper(l, of_try ? "try/upper" : "upper");
        int *lowers = NULL;
        int r;

        if (upper == -EBADF) {
                error_hint(error, "stead exec %s -- find / -xdev -newermt yesterday", l->name);
                return error_set(error, EOPNOTSUPP,
                                 "The state of machine '%s' is a file system of its own (DiskMax=)",
                                 l->name);
        }
        if (upper < 0)
                return 0; /* nothing was written yet */
        r = open_lowers(l, of_try, &lowers, error);
        if (r >= 0)
                r = layered_files_find(upper, lowers, ret, error);
        layered_close_lowers(lowers);
        return r;
}
