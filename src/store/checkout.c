/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Made beside and renamed, so that a name in checkouts/ is a whole tree. Nothing is synced: it
 * holds nothing but names of inodes that are on disk already, and journals keep a rename behind
 * what was done before it. */

#include "store/checkout.h"

#include "base/fd.h"
#include "store/checkout-parts.h"
#include "store/tree-writer.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE (1 << 0)
#endif

/* Hard links lead nowhere else. */
static int check_file_system(const Store *store, int checkouts_fd, Error *error)
{
        struct stat objects, checkouts;

        if (fstatat(store->fd, "objects", &objects, 0) < 0 || fstat(checkouts_fd, &checkouts) < 0)
                return error_errno(error, errno, "Failed to read the store '%s'", store->path);
        if (objects.st_dev == checkouts.st_dev)
                return 0;
        error_hint(error, "findmnt -T %s/checkouts", store->path);
        return error_set(error, EXDEV,
                         "'%s/checkouts' must be on the same file system as '%s/objects'",
                         store->path, store->path);
}

static int make_beside(const TreeWriter *writer, int checkouts_fd, const char *beside, Error *error)
{
        _cleanup_close_ int fd = -EBADF;
        int r = remove_tree_at(checkouts_fd, beside); /* of a killed process with our number */

        if (r >= 0 && mkdirat(checkouts_fd, beside, 0700) < 0)
                r = -errno;
        if (r >= 0) {
                fd = openat(checkouts_fd, beside, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                r = fd < 0 ? -errno : 0;
        }
        if (r < 0)
                return error_errno(error, -r, "Failed to make '%s/checkouts/%s'",
                                   writer->store->path, beside);
        progress_begin(writer->progress, "Checking out", 0, writer->manifest->n);
        return tree_write(writer, fd, error);
}

static int make(Store *store, const Hash *tree, const char *name, Progress *progress, Error *error)
{
        _cleanup_manifest_ Manifest manifest = MANIFEST_NULL;
        _cleanup_close_ int fd = -EBADF;
        char beside[CHECKOUT_NAME_MAX];
        int r = store_load_tree(store, tree, &manifest, error);

        if (r < 0)
                return r;
        fd = openat(store->fd, "checkouts", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return error_errno(error, errno, "Failed to open '%s/checkouts'", store->path);
        r = check_file_system(store, fd, error);
        if (r < 0)
                return r;
        (void)snprintf(beside, sizeof(beside), ".%s.%d", name, (int)getpid());
        r = make_beside(
                &(TreeWriter){ .store = store, .manifest = &manifest, .progress = progress }, fd,
                beside, error);
        if (r >= 0 && renameat2(fd, beside, fd, name, RENAME_NOREPLACE) >= 0)
                return 0;
        if (r >= 0 && errno != EEXIST) /* else somebody else was faster */
                r = error_errno(error, errno, "Failed to rename '%s/checkouts/%s'", store->path,
                                beside);
        (void)remove_tree_at(fd, beside); /* what stays is removed by the next gc */
        return r;
}

int checkout_make(Store *store, const Hash *tree, Progress *progress, char **ret_path, Error *error)
{
        char name[HASH_TEXT_SIZE], *path = NULL;
        int r = 0;

        (void)hash_to_string(tree, name);
        if (!checkout_exists(store, tree))
                r = make(store, tree, name, progress, error);
        if (r < 0)
                return error_prefix(error, "Checking out tree %.12s", name);
        if (asprintf(&path, "%s/checkouts/%s", store->path, name) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        *ret_path = path;
        return 0;
}

int checkout_copy(const Store *store, const Manifest *manifest, int target_fd, Progress *progress,
                  Error *error)
{
        TreeWriter writer = {
                .store = store, .manifest = manifest, .copy = true, .progress = progress
        };
        uint64_t bytes = 0;

        for (size_t i = 0; i < manifest->n; i++)
                bytes += manifest->entries[i].size;
        progress_begin(progress, "Writing", bytes, manifest->n);
        return tree_write(&writer, target_fd, error);
}

int checkout_try_lock(int fd)
{
        return flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
}

int checkout_remove(Store *store, const char *name, Error *error)
{
        _cleanup_close_ int all = openat(store->fd, "checkouts",
                                         O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                            fd = -EBADF;
        char beside[CHECKOUT_NAME_MAX];
        int r = 0;

        fd = openat(all, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
                return error_errno(error, errno, "Failed to open '%s/checkouts/%s'", store->path,
                                   name); /* who knows whether a machine runs on it */
        if (fd >= 0 && checkout_try_lock(fd) < 0)
                return -EBUSY;
        (void)snprintf(beside, sizeof(beside), ".%.*s.gone", HASH_TEXT_SIZE, name);
        if (name[0] != '.') {
                r = remove_tree_at(all, beside); /* of one that was killed at this point */
                if (r >= 0 && renameat(all, name, all, beside) < 0)
                        r = -errno;
        }
        if (r >= 0)
                r = remove_tree_at(all, name[0] == '.' ? name : beside);
        return r < 0 ? error_errno(error, -r, "Failed to remove '%s/checkouts/%s'", store->path,
                                   name)
                     : 0;
}

bool checkout_leaves_out(const Manifest *tree, const Entry *e)
{
        const Entry *first = manifest_resolve_link(tree, e);

        return (first->kind == ENTRY_CHARACTER_DEVICE || first->kind == ENTRY_BLOCK_DEVICE) &&
               strncmp(e->path, "/dev/", strlen("/dev/")) == 0;
}
