/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Refs on disk. */

#include "store/store.h"

#include "base/fd.h"
#include "base/strv.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define REF_LIMIT ((size_t)16384)

static int ref_path(const char *name, char **ret)
{
        return asprintf(ret, "refs/%s" REF_SUFFIX, name) < 0 ? -ENOMEM : 0;
}

int store_load_ref(const Store *store, const char *name, Ref *ret, Error *error)
{
        _cleanup_free_ char *path = NULL, *text = NULL;
        _cleanup_ref_ Ref ref = REF_NULL;
        ssize_t size;
        int r;

        if (!ref_name_is_valid(name))
                return error_set(error, EINVAL,
                                 "'%s' is no name of a layer: words of letters, digits, '.', '_', "
                                 "'+' and '-', with '/' between them",
                                 name);
        if (ref_path(name, &path) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        size = store->fd < 0 ? -ENOENT : read_file_at(store->fd, path, REF_LIMIT, &text);
        if (size == -ENOENT || size == -ENOTDIR) {
                error_hint(error, "stead layer list");
                return error_set(error, ENOENT, "There is no layer '%s'", name);
        }
        if (size < 0)
                return error_errno(error, (int)-size, "Failed to read '%s/%s'", store->path, path);
        r = ref_parse(path, text, (size_t)size, &ref, error);
        if (r >= 0 && strcmp(ref.name, name) != 0)
                r = error_set(error, EBADMSG, "'%s/%s' is the ref of '%s'", store->path, path,
                              ref.name);
        if (r == -EBADMSG)
                error_hint(error, "stead layer fsck --repair");
        if (r < 0)
                return r;
        *ret = ref;
        ref = REF_NULL;
        return 0;
}

static int lock_refs(Store *store, int *ret, Error *error)
{
        int fd = openat(store->fd, "refs.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        int r = fd < 0 ? -errno : 0;

        while (r >= 0 && flock(fd, LOCK_EX) < 0)
                r = errno == EINTR ? 0 : -errno;
        if (r < 0) {
                closep(&fd);
                return error_errno(error, -r, "Failed to lock '%s/refs.lock'", store->path);
        }
        *ret = fd;
        return 0;
}

static int check_expected(Store *store, const char *name, const Hash *expected, Error *error)
{
        _cleanup_error_ Error none = ERROR_NULL;
        _cleanup_ref_ Ref now = REF_NULL;
        int r = store_load_ref(store, name, &now, &none);

        if (r < 0 && r != -ENOENT)
                return error_move(error, &none);
        if (hash_equal(&now.commit, expected)) /* the null hash: there is none */
                return 0;
        error_hint(error, "stead layer log %s", name);
        return error_set(error, ESTALE,
                         r < 0 ? "Layer '%s' has been removed meanwhile"
                               : "Layer '%s' has got another version meanwhile",
                         name);
}

int store_save_ref(Store *store, const Ref *ref, const Hash *expected, Error *error)
{
        _cleanup_free_ char *path = NULL, *parent = NULL;
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        _cleanup_close_ int lock = -EBADF;
        int r;

        if (!ref_name_is_valid(ref->name))
                return error_set(error, EINVAL, "'%s' is no name of a layer", ref->name);
        r = lock_refs(store, &lock, error);
        if (r < 0)
                return r;
        if (expected) {
                r = check_expected(store, ref->name, expected, error);
                if (r < 0)
                        return r;
        }
        if (ref_write(ref, &text) < 0 || ref_path(ref->name, &path) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        parent = strndup(path, (size_t)(strrchr(path, '/') - path));
        if (!parent)
                return error_set(error, ENOMEM, "Out of memory");
        r = mkdir_parents_at(store->fd, parent, 0700);
        if (r >= 0)
                r = write_file_synced_at(store->fd, path, text.data, 0600);
        return r < 0 ? error_errno(error, -r, "Failed to write '%s/%s'", store->path, path) : 0;
}

int store_remove_ref(Store *store, const char *name, Error *error)
{
        _cleanup_ref_ Ref ref = REF_NULL;
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int lock = -EBADF;
        int r = lock_refs(store, &lock, error);

        if (r >= 0)
                r = store_load_ref(store, name, &ref, error);
        if (r < 0)
                return r;
        if (ref_path(name, &path) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        if (unlinkat(store->fd, path, 0) < 0)
                return error_errno(error, errno, "Failed to remove '%s/%s'", store->path, path);
        /* directories that are empty now; the first that is not ends it */
        for (char *slash; (slash = strrchr(path, '/')) && slash != strchr(path, '/');) {
                *slash = 0;
                if (unlinkat(store->fd, path, AT_REMOVEDIR) < 0)
                        break;
        }
        return 0;
}

void ref_list_free(Ref *list, size_t n)
{
        for (size_t i = 0; i < n; i++)
                ref_done(&list[i]);
        free(list);
}

static int load_refs(const Store *store, char *const *names, Ref *list, size_t *n, Error *error)
{
        for (; *names; names++) {
                _cleanup_error_ Error problem = ERROR_NULL;
                int r = store_load_ref(store, *names, &list[*n], &problem);

                if (r < 0 && r != -ENOENT) /* else it was removed just now */
                        return error_move(error, &problem);
                *n += r >= 0;
        }
        return 0;
}

int store_list_refs(const Store *store, Ref **ret, size_t *ret_n, Error *error)
{
        _cleanup_strv_ char **names = NULL;
        Ref *list = NULL;
        size_t n = 0;
        int r = store->fd < 0 ? 0 : ref_names(store->fd, &names);

        if (r < 0)
                return error_errno(error, -r, "Failed to read '%s/refs'", store->path);
        if (names) {
                list = calloc(strv_length(names), sizeof(*list));
                r = list ? load_refs(store, names, list, &n, error)
                         : error_set(error, ENOMEM, "Out of memory");
        }
        if (r < 0) {
                ref_list_free(list, n);
                return r;
        }
        *ret = list;
        *ret_n = n;
        return 0;
}
