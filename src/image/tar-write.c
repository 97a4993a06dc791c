/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* manifest -> tar -> hash -> compression -> hash -> file, in one go. */

#include "image/tar-write.h"

#include "base/fd.h"
#include "store/sha256.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>
#include <sys/stat.h>

#define BLOCK_SIZE ((size_t)256 * 1024)

DEFINE_STRING_TABLE(tar_compression, TarCompression, [TAR_PLAIN] = "none", [TAR_GZIP] = "gzip",
                    [TAR_XZ] = "xz", [TAR_ZSTD] = "zstd");

typedef struct Tar {
        const Store *store;
        const Manifest *manifest;
        const TarTarget *target;
        Progress *progress;
        struct archive *tar, *packed;
        struct archive_entry *entry;
        Hasher *content_hash, *file_hash, *data_hash;
        char *block;
        uint64_t size;
} Tar;

static void tar_done(Tar *t)
{
        archive_entry_free(t->entry); /* NULL is fine for all of these */
        (void)archive_write_free(t->tar);
        (void)archive_write_free(t->packed);
        hasher_free(t->content_hash);
        hasher_free(t->file_hash);
        hasher_free(t->data_hash);
        free(t->block);
}

static la_ssize_t on_content(struct archive *a, void *userdata, const void *data, size_t size)
{
        Tar *t = userdata;

        hasher_add(t->content_hash, data, size);
        if (archive_write_data(t->packed, data, size) != (la_ssize_t)size) {
                archive_set_error(a, archive_errno(t->packed), "%s",
                                  archive_error_string(t->packed) ?: "failed to compress");
                return -1;
        }
        return (la_ssize_t)size;
}

static la_ssize_t on_packed(struct archive *a, void *userdata, const void *data, size_t size)
{
        Tar *t = userdata;
        int r = write_all(t->target->fd, data, size);

        if (r < 0) {
                archive_set_error(a, -r, "%s", strerrordesc_np(-r));
                return -1;
        }
        hasher_add(t->file_hash, data, size);
        t->size += size;
        return (la_ssize_t)size;
}

static int failed(const Tar *t, struct archive *a, Error *error)
{
        int number = archive_errno(a);

        return error_set(error, number > 0 ? number : EIO, "Failed to write '%s': %s",
                         t->target->name, archive_error_string(a) ?: "unknown error");
}

static int add_filter(struct archive *a, TarCompression compression)
{
        switch (compression) {
        case TAR_GZIP:
                /* without the time: the same tree is the same file */
                return archive_write_add_filter_gzip(a) == ARCHIVE_OK
                               ? archive_write_set_filter_option(a, "gzip", "timestamp", NULL)
                               : ARCHIVE_FATAL;
        case TAR_XZ:
                return archive_write_add_filter_xz(a);
        case TAR_ZSTD:
                return archive_write_add_filter_zstd(a);
        case TAR_PLAIN:
        case _TAR_COMPRESSION_MAX:
        case _TAR_COMPRESSION_INVALID:
                break;
        }
        return ARCHIVE_OK;
}

static int open_packed(Tar *t, Error *error)
{
        if (add_filter(t->packed, t->target->compression) != ARCHIVE_OK ||
            archive_write_set_format_raw(t->packed) != ARCHIVE_OK ||
            archive_write_set_bytes_in_last_block(t->packed, 1) != ARCHIVE_OK ||
            archive_write_open(t->packed, t, NULL, on_packed, NULL) != ARCHIVE_OK)
                return failed(t, t->packed, error);
        archive_entry_set_filetype(t->entry, AE_IFREG);
        if (archive_write_header(t->packed, t->entry) != ARCHIVE_OK)
                return failed(t, t->packed, error);
        return 0;
}

static int open_writers(Tar *t, Error *error)
{
        int r;

        t->tar = archive_write_new();
        t->packed = archive_write_new();
        t->entry = archive_entry_new();
        t->content_hash = hasher_new();
        t->file_hash = hasher_new();
        t->data_hash = hasher_new();
        t->block = malloc(BLOCK_SIZE);
        if (!t->tar || !t->packed || !t->entry || !t->content_hash || !t->file_hash ||
            !t->data_hash || !t->block)
                return error_set(error, ENOMEM, "Out of memory");
        r = open_packed(t, error);
        if (r < 0)
                return r;
        /* names are bytes, in no character set */
        if (archive_write_set_format_pax_restricted(t->tar) != ARCHIVE_OK ||
            archive_write_set_options(t->tar, "hdrcharset=BINARY") != ARCHIVE_OK ||
            archive_write_set_bytes_in_last_block(t->tar, 1) != ARCHIVE_OK ||
            archive_write_open(t->tar, t, NULL, on_content, NULL) != ARCHIVE_OK)
                return failed(t, t->tar, error);
        return 0;
}

/* Within the archive: no slash before. */
static const char *archive_path(const char *path)
{
        return strcmp(path, "/") == 0 ? "." : path + 1;
}

static mode_t file_type(EntryKind kind)
{
        switch (kind) {
        case ENTRY_DIRECTORY:
                return AE_IFDIR;
        case ENTRY_SYMLINK:
                return AE_IFLNK;
        case ENTRY_CHARACTER_DEVICE:
                return AE_IFCHR;
        case ENTRY_BLOCK_DEVICE:
                return AE_IFBLK;
        case ENTRY_FIFO:
                return AE_IFIFO;
        case ENTRY_FILE:
        case ENTRY_LINK:
        case ENTRY_SOCKET:
        case ENTRY_WHITEOUT:
        case _ENTRY_KIND_MAX:
                break;
        }
        return AE_IFREG;
}

/* A link carries what its file has, since there are programs that set it once more. */
static void set_attributes(Tar *t, const Entry *e)
{
        struct archive_entry *entry = t->entry;

        archive_entry_set_filetype(entry, file_type(e->kind));
        archive_entry_set_perm(entry, e->kind == ENTRY_SYMLINK ? 0777 : e->mode);
        archive_entry_set_uid(entry, e->uid);
        archive_entry_set_gid(entry, e->gid);
        archive_entry_set_mtime(entry, e->mtime, 0);
        for (size_t i = 0; i < e->n_attributes; i++)
                archive_entry_xattr_add_entry(entry, e->attributes[i].name, e->attributes[i].value,
                                              e->attributes[i].size);
}

static int write_header(Tar *t, Error *error)
{
        return archive_write_header(t->tar, t->entry) == ARCHIVE_OK ? 0 : failed(t, t->tar, error);
}

static int write_marker(Tar *t, const char *directory, const char *name, Error *error)
{
        _cleanup_free_ char *path = NULL;
        const char *top = archive_path(directory);

        if (strcmp(top, ".") == 0 ? asprintf(&path, ".wh.%s", name) < 0
                                  : asprintf(&path, "%s/.wh.%s", top, name) < 0) {
                path = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        archive_entry_clear(t->entry);
        archive_entry_copy_pathname(t->entry, path);
        archive_entry_set_filetype(t->entry, AE_IFREG);
        archive_entry_set_size(t->entry, 0);
        archive_entry_set_mtime(t->entry, 0, 0);
        return write_header(t, error);
}

static int write_whiteout(Tar *t, const Entry *e, Error *error)
{
        const char *slash = strrchr(e->path, '/');
        _cleanup_free_ char *directory =
                slash == e->path ? strdup("/") : strndup(e->path, (size_t)(slash - e->path));

        return directory ? write_marker(t, directory, slash + 1, error)
                         : error_set(error, ENOMEM, "Out of memory");
}

static int damaged(const Entry *e, Error *error)
{
        error_hint(error, "stead layer fsck --repair");
        return error_set(error, EBADMSG, "The object of '%s' in the store is damaged", e->path);
}

static int write_content(Tar *t, const Entry *e, Error *error)
{
        _cleanup_close_ int fd = -EBADF;
        uint64_t done = 0;
        Hash id, content;
        ssize_t n;

        if (entry_object_id(t->data_hash, e, &id) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        fd = store_open_object(t->store, &id);
        if (fd == -ENOENT)
                return damaged(e, error);
        if (fd < 0)
                return error_errno(error, -fd, "Failed to open the object of '%s'", e->path);
        while ((n = read(fd, t->block, BLOCK_SIZE)) > 0) {
                hasher_add(t->data_hash, t->block, (size_t)n);
                done += (uint64_t)n;
                if (done > e->size)
                        return damaged(e, error);
                if (archive_write_data(t->tar, t->block, (size_t)n) != n)
                        return failed(t, t->tar, error);
                if (progress_step(t->progress, (uint64_t)n, 0) < 0)
                        return error_set(error, ECANCELED, "Interrupted");
        }
        if (n < 0)
                return error_errno(error, errno, "Failed to read the object of '%s'", e->path);
        hasher_end(t->data_hash, &content);
        return done == e->size && hash_equal(&content, &e->content) ? 0 : damaged(e, error);
}

static int check_name(const Tar *t, const Entry *e, Error *error)
{
        if (t->target->image && strstr(e->path, "/.wh."))
                return error_set(error, EINVAL,
                                 "'%s' cannot be in a container image: its name means that "
                                 "something is removed",
                                 e->path);
        return 0;
}

static int write_entry(Tar *t, const Entry *e, Error *error)
{
        const Entry *file = e->kind == ENTRY_LINK ? manifest_resolve_link(t->manifest, e) : e;
        int r = check_name(t, e, error);

        if (r < 0 || e->kind == ENTRY_SOCKET) /* no archive can hold one */
                return r;
        if (e->kind == ENTRY_WHITEOUT)
                return write_whiteout(t, e, error);
        archive_entry_clear(t->entry);
        archive_entry_copy_pathname(t->entry, archive_path(e->path));
        set_attributes(t, file);
        archive_entry_set_size(t->entry, e->kind == ENTRY_FILE ? (la_int64_t)e->size : 0);
        if (e->kind == ENTRY_SYMLINK)
                archive_entry_copy_symlink(t->entry, e->target);
        if (e->kind == ENTRY_LINK)
                archive_entry_copy_hardlink(t->entry, archive_path(e->target));
        if (e->kind == ENTRY_CHARACTER_DEVICE || e->kind == ENTRY_BLOCK_DEVICE)
                archive_entry_set_rdev(t->entry, e->device);
        r = write_header(t, error);
        if (r >= 0 && e->kind == ENTRY_FILE && e->size > 0)
                r = write_content(t, e, error);
        if (r >= 0 && e->kind == ENTRY_DIRECTORY && e->opaque)
                r = write_marker(t, e->path, ".wh..opq", error);
        return r;
}

int tar_write(const Store *store, const Manifest *manifest, const TarTarget *target,
              Progress *progress, TarWritten *ret, Error *error)
{
        _cleanup_(tar_done) Tar t = {
                .store = store, .manifest = manifest, .target = target, .progress = progress
        };
        int r = open_writers(&t, error);

        for (size_t i = 0; r >= 0 && i < manifest->n; i++) {
                r = write_entry(&t, &manifest->entries[i], error);
                if (r >= 0 && progress_step(progress, 0, 1) < 0)
                        r = error_set(error, ECANCELED, "Interrupted");
        }
        if (r < 0)
                return r;
        if (archive_write_close(t.tar) != ARCHIVE_OK)
                return failed(&t, t.tar, error);
        if (archive_write_close(t.packed) != ARCHIVE_OK)
                return failed(&t, t.packed, error);
        hasher_end(t.content_hash, &ret->content);
        hasher_end(t.file_hash, &ret->file);
        ret->size = t.size;
        return 0;
}
