/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Objects: staged one by one, published together. */

#include "store/store.h"

#include "base/fd.h"
#include "store/inode.h"
#include "store/object-list.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

ObjectPath object_path(const Hash *id)
{
        ObjectPath p;
        char hash[HASH_TEXT_SIZE];

        (void)hash_to_string(id, hash);
        (void)snprintf(p.path, sizeof(p.path), "objects/%.2s/%s", hash, hash + 2);
        return p;
}

/* The same in the stage: without "objects/". */
static const char *stage_path(const ObjectPath *p)
{
        return p->path + sizeof("objects/") - 1;
}

static bool exists(int dirfd, const char *path)
{
        return dirfd >= 0 && faccessat(dirfd, path, F_OK, AT_SYMLINK_NOFOLLOW) >= 0;
}

/* Somebody may publish it just now: what left the stage after the first look is found by the third.
 */
int store_has_object(const Store *store, const Hash *id)
{
        ObjectPath p = object_path(id);

        return exists(store->fd, p.path) || exists(store->stage_fd, stage_path(&p)) ||
               exists(store->fd, p.path);
}

static int open_object(int dirfd, const char *path)
{
        return openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
}

int store_open_object(const Store *store, const Hash *id)
{
        ObjectPath p = object_path(id);
        int fd = open_object(store->fd, p.path);

        if (fd < 0 && errno == ENOENT && store->stage_fd >= 0) {
                fd = open_object(store->stage_fd, stage_path(&p));
                if (fd < 0 && errno == ENOENT)
                        fd = open_object(store->fd, p.path);
        }
        return fd < 0 ? -errno : fd;
}

int store_new_object(Store *store, int *ret_fd, Error *error)
{
        int fd = openat(store->stage_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

        if (fd < 0)
                return error_errno(error, errno, "Failed to make a file in the store '%s'",
                                   store->path);
        *ret_fd = fd;
        return 0;
}

/* link() or rename() into the stage, whose directories are made when they are needed. */
static int make_parent(int dirfd, const char *path)
{
        char parent[3] = { path[0], path[1], 0 };

        return mkdirat(dirfd, parent, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

static int link_into_stage(Store *store, const char *from, int flags, const char *path)
{
        int r = linkat(AT_FDCWD, from, store->stage_fd, path, flags) < 0 ? -errno : 0;

        if (r == -ENOENT) {
                r = make_parent(store->stage_fd, path);
                if (r >= 0 && linkat(AT_FDCWD, from, store->stage_fd, path, flags) < 0)
                        r = -errno;
        }
        return r == -EEXIST ? 0 : r;
}

/* A link cannot be an unnamed file: it is made under a name of this process. */
static int stage_symlink(Store *store, const Entry *e, const char *path)
{
        _cleanup_free_ char *full = NULL;
        char name[32];
        int r;

        (void)snprintf(name, sizeof(name), ".link.%d", (int)getpid());
        if (asprintf(&full, "%s/%s", fd_path(store->stage_fd).path, name) < 0)
                return -ENOMEM;
        (void)unlinkat(store->stage_fd, name, 0); /* of a killed process with our number */
        if (symlinkat(e->target, store->stage_fd, name) < 0)
                return -errno;
        r = inode_set_attributes(full, e);
        if (r >= 0)
                r = link_into_stage(store, full, 0, path);
        (void)unlinkat(store->stage_fd, name, 0); /* it has its other name, or is of no use */
        return r;
}

static int check_content(Store *store, int fd, const Entry *e, Error *error)
{
        uint64_t size;
        Hash hash;
        int r = hash_of_fd(store->hasher, fd, &hash, &size);

        if (r < 0)
                return error_errno(error, -r, "Failed to read '%s' again", e->path);
        if (size != e->size || !hash_equal(&hash, &e->content))
                return error_set(error, EBADMSG, "The content of '%s' is not the one announced",
                                 e->path);
        return 0;
}

static int object_error(const Store *store, const Entry *e, int r, Error *error)
{
        if (r == -ENOSPC || r == -EDQUOT)
                error_hint(error, "df -h %s; stead layer gc", store->path);
        return error_errno(error, -r, "Failed to put '%s' into the store '%s'", e->path,
                           store->path);
}

int store_stage_object(Store *store, int fd, const Entry *entry, bool trusted, Error *error)
{
        ObjectPath p;
        Hash id;
        int r = entry_object_id(store->hasher, entry, &id);

        if (r >= 0 && entry->kind == ENTRY_FILE && !trusted) {
                r = check_content(store, fd, entry, error);
                if (r < 0)
                        return r;
        }
        if (r >= 0) {
                p = object_path(&id);
                r = entry->kind == ENTRY_SYMLINK ? stage_symlink(store, entry, stage_path(&p))
                                                 : inode_set_attributes(fd_path(fd).path, entry);
        }
        if (r >= 0 && entry->kind == ENTRY_FILE)
                r = link_into_stage(store, fd_path(fd).path, AT_SYMLINK_FOLLOW, stage_path(&p));
        return r < 0 ? object_error(store, entry, r, error) : 0;
}

int store_stage_inode(Store *store, int dirfd, const char *name, const Entry *entry, Error *error)
{
        _cleanup_free_ char *full = NULL;
        ObjectPath p;
        Hash id;
        int r = entry_object_id(store->hasher, entry, &id);

        if (r >= 0 && asprintf(&full, "%s/%s", fd_path(dirfd).path, name) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        if (r >= 0)
                r = inode_set_attributes(full, entry);
        if (r >= 0) {
                p = object_path(&id);
                r = link_into_stage(store, full, 0, stage_path(&p));
        }
        if (r == -EXDEV || r == -EMLINK)
                return r;
        return r < 0 ? object_error(store, entry, r, error) : 0;
}

static int publish_one(Store *store, const Entry *e, Error *error)
{
        ObjectPath p;
        Hash id;
        int r = entry_object_id(store->hasher, e, &id);

        if (r < 0)
                return error_set(error, ENOMEM, "Out of memory");
        p = object_path(&id);
        if (exists(store->fd, p.path))
                return 0;
        for (int attempt = 0; attempt < 2; attempt++) {
                if (renameat(store->stage_fd, stage_path(&p), store->fd, p.path) >= 0)
                        return 1;
                r = -errno;
                if (r != -ENOENT || exists(store->fd, p.path)) /* somebody else was faster */
                        break;
                if (mkdirat(store->fd, "objects", 0700) < 0 && errno != EEXIST)
                        break;
                p.path[sizeof("objects/ab") - 1] = 0;
                r = mkdirat(store->fd, p.path, 0700) < 0 && errno != EEXIST ? -errno : -ENOENT;
                p.path[sizeof("objects/ab") - 1] = '/';
        }
        if (exists(store->fd, p.path))
                return 0;
        return object_error(store, e, r, error);
}

static int drop_staged(int dirfd, const char *name, unsigned char d_type, void *userdata)
{
        return remove_tree_at(dirfd, name);
}

/* What has a name in objects/ is trusted for ever, so it must be on disk before. If it could not be
 * written, the next one must not find it in the stage: the kernel tells an error only once. */
static int sync_stage(Store *store, Error *error)
{
        int r = syncfs(store->stage_fd) < 0 ? -errno : 0;

        if (r >= 0)
                return 0;
        (void)names_in(store->stage_fd, ".", false, drop_staged, NULL); /* all that can be done */
        return error_errno(error, -r, "Failed to sync the store '%s'", store->path);
}

/* Renames overwrite nothing that matters: the same name is the same object. */
int store_publish_objects(Store *store, const Manifest *const *manifests, size_t n, Error *error)
{
        bool published = false;
        int synced = sync_stage(store, error);

        if (synced < 0)
                return synced;
        for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < manifests[i]->n; j++) {
                        const Entry *e = &manifests[i]->entries[j];
                        int r = entry_is_object(e) ? publish_one(store, e, error) : 0;

                        if (r < 0)
                                return r;
                        published = published || r > 0;
                }
        if (published && syncfs(store->fd) < 0)
                return error_errno(error, errno, "Failed to sync the store '%s'", store->path);
        return 0;
}
