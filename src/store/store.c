/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening, locking, and the small texts: trees and commits. */

#include "store/store.h"

#include "base/fd.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define BOOT_ID "/proc/sys/kernel/random/boot_id"
#define MANIFEST_LIMIT ((size_t)256 * 1024 * 1024)
#define COMMIT_LIMIT ((size_t)1024 * 1024)

void store_close(Store *store)
{
        closep(&store->stage_fd);
        closep(&store->lock_fd);
        closep(&store->fd);
        hasher_free(store->hasher);
        free(store->path);
        *store = STORE_NULL;
}

/* The stage of this boot, made if missing. What is in one of an earlier boot was never synced. */
static int open_stage(Store *store, Error *error)
{
        _cleanup_free_ char *boot_id = NULL, *path = NULL;
        ssize_t size = read_file_at(AT_FDCWD, BOOT_ID, 64, &boot_id);
        int r = size < 0 ? (int)size : 0;

        if (r >= 0) {
                boot_id[strcspn(boot_id, "\n")] = 0;
                r = asprintf(&path, "stage/%s", boot_id) < 0 ? -ENOMEM : 0;
        }
        if (r >= 0)
                r = mkdir_parents_at(store->fd, path, 0700);
        if (r >= 0) {
                store->stage_fd =
                        openat(store->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
                r = store->stage_fd < 0 ? -errno : 0;
        }
        return r < 0 ? error_errno(error, -r, "Failed to open the stage of store '%s'", store->path)
                     : 0;
}

static int take_lock(Store *store, StoreUse use, Error *error)
{
        int operation = use == STORE_REMOVE ? LOCK_EX | LOCK_NB : LOCK_SH;

        store->lock_fd = openat(store->fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (store->lock_fd < 0)
                return error_errno(error, errno, "Failed to open '%s/lock'", store->path);
        while (flock(store->lock_fd, operation) < 0) {
                if (errno == EINTR)
                        continue;
                if (errno == EWOULDBLOCK) {
                        error_hint(error, "fuser -v %s/lock  (then try again)", store->path);
                        return error_set(error, EBUSY, "Something is being added to the store '%s'",
                                         store->path);
                }
                return error_errno(error, errno, "Failed to lock '%s/lock'", store->path);
        }
        return 0;
}

static int open_for_change(Store *store, StoreUse use, Error *error)
{
        static const char *const directories[] = { "objects", "trees",     "commits",
                                                   "refs",    "checkouts", "stage" };
        int r = take_lock(store, use, error);

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(directories); i++)
                if (mkdirat(store->fd, directories[i], 0700) < 0 && errno != EEXIST)
                        r = error_errno(error, errno, "Failed to make '%s/%s'", store->path,
                                        directories[i]);
        return r < 0 ? r : open_stage(store, error);
}

int store_open(const char *path, StoreUse use, Store *ret, Error *error)
{
        _cleanup_store_ Store store = STORE_NULL;
        int r = 0;

        store.path = strdup(path ?: store_place());
        store.hasher = hasher_new();
        if (!store.path || !store.hasher)
                return error_set(error, ENOMEM, "Out of memory");
        if (use != STORE_READ) {
                r = mkdir_parents_at(AT_FDCWD, store.path, 0700);
                if (r < 0)
                        return error_errno(error, -r, "Failed to make the store '%s'", store.path);
        }
        store.fd = open(store.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (store.fd < 0 && (use != STORE_READ || errno != ENOENT))
                return error_errno(error, errno, "Failed to open the store '%s'", store.path);
        if (use != STORE_READ)
                r = open_for_change(&store, use, error);
        if (r < 0)
                return r;
        *ret = store;
        store = STORE_NULL;
        return 0;
}

/* "trees/HASH" */
typedef struct TextPath {
        char path[sizeof("commits/") + HASH_TEXT_SIZE];
} TextPath;

static TextPath text_path(const char *directory, const Hash *id)
{
        TextPath p;
        char hash[HASH_TEXT_SIZE];

        (void)snprintf(p.path, sizeof(p.path), "%s/%s", directory, hash_to_string(id, hash));
        return p;
}

static bool has_text(const Store *store, const char *directory, const Hash *id)
{
        return store->fd >= 0 &&
               faccessat(store->fd, text_path(directory, id).path, F_OK, AT_SYMLINK_NOFOLLOW) >= 0;
}

bool store_has_tree(const Store *store, const Hash *id)
{
        return has_text(store, "trees", id);
}

bool store_has_commit(const Store *store, const Hash *id)
{
        return has_text(store, "commits", id);
}

/* Reads a text and sees that it has its hash. */
static int load_text(const Store *store, const char *directory, const Hash *id, size_t limit,
                     char **ret, size_t *ret_size, Error *error)
{
        TextPath p = text_path(directory, id);
        _cleanup_free_ char *text = NULL;
        ssize_t size = store->fd < 0 ? -ENOENT : read_file_at(store->fd, p.path, limit, &text);
        Hash hash;

        if (size < 0)
                return error_errno(error, (int)-size, "Failed to read '%s/%s'", store->path,
                                   p.path);
        if (hash_of(text, (size_t)size, &hash) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        if (!hash_equal(&hash, id)) {
                error_hint(error, "stead layer fsck --repair");
                return error_set(error, EBADMSG, "'%s/%s' is damaged", store->path, p.path);
        }
        *ret = TAKE_PTR(text);
        *ret_size = (size_t)size;
        return 0;
}

int store_load_tree(const Store *store, const Hash *id, Manifest *ret, Error *error)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r = load_text(store, "trees", id, MANIFEST_LIMIT, &text, &size, error);

        return r < 0 ? r : manifest_parse(text_path("trees", id).path, text, size, ret, error);
}

int store_load_commit(const Store *store, const Hash *id, Commit *ret, Error *error)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r = load_text(store, "commits", id, COMMIT_LIMIT, &text, &size, error);

        return r < 0 ? r : commit_parse(text_path("commits", id).path, text, size, ret, error);
}

static int add_text(Store *store, const char *directory, Buffer *text, Hash *ret_id, Error *error)
{
        TextPath p;
        int r = buffer_error(text);

        if (r >= 0)
                r = hash_of(text->data, text->size, ret_id);
        if (r < 0)
                return error_set(error, ENOMEM, "Out of memory");
        p = text_path(directory, ret_id);
        if (has_text(store, directory, ret_id))
                return 0;
        r = write_file_synced_at(store->fd, p.path, text->data, 0600);
        return r < 0 ? error_errno(error, -r, "Failed to write '%s/%s'", store->path, p.path) : 0;
}

int store_add_tree(Store *store, const Manifest *manifest, Hash *ret_id, Error *error)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;

        if (manifest_write(manifest, &text, NULL) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        return add_text(store, "trees", &text, ret_id, error);
}

int store_add_commit(Store *store, const Commit *commit, Hash *ret_id, Error *error)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;

        (void)commit_write(commit, &text); /* add_text() looks */
        return add_text(store, "commits", &text, ret_id, error);
}
