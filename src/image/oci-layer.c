/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* file -> hash -> decompression -> hash -> tar headers: both hashes and all names in one go. */

#include "image/oci-layer.h"

#include "base/fd.h"
#include "base/strv.h"
#include "image/archive-layer.h"
#include "os/path.h"
#include "store/sha256.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK_SIZE ((size_t)256 * 1024)

typedef struct LayerCheck {
        const OciLayer *layer;
        const ArchiveSource *limits;
        int fd;
        struct archive *plain, *tar; /* the decompressed stream, and what is in it */
        Hasher *file_hash, *content_hash;
        char *block;
        uint64_t n_file, n_content;
        bool ended, too_large;
        char **hidden; /* paths; those that end in '/' are directories whose content is hidden */
} LayerCheck;

static void layer_check_done(LayerCheck *c)
{
        (void)archive_read_free(c->tar); /* NULL is fine */
        (void)archive_read_free(c->plain);
        hasher_free(c->file_hash);
        hasher_free(c->content_hash);
        strv_free(c->hidden);
        free(c->block);
        closep(&c->fd);
}

static la_ssize_t read_file(struct archive *a, void *userdata, const void **ret)
{
        LayerCheck *c = userdata;
        ssize_t n;

        do
                n = read(c->fd, c->block, BLOCK_SIZE);
        while (n < 0 && errno == EINTR);
        if (n < 0) {
                archive_set_error(a, errno, "%s", strerrordesc_np(errno));
                return -1;
        }
        hasher_add(c->file_hash, c->block, (size_t)n);
        c->n_file += (uint64_t)n;
        if (c->limits->done)
                *c->limits->done += (uint64_t)n;
        *ret = c->block;
        return n;
}

static la_ssize_t read_plain(struct archive *a, void *userdata, const void **ret)
{
        LayerCheck *c = userdata;
        size_t size = 0;
        la_int64_t offset;
        int r = c->ended ? ARCHIVE_EOF : archive_read_data_block(c->plain, ret, &size, &offset);

        if (r == ARCHIVE_EOF) {
                c->ended = true;
                return 0;
        }
        if (r < ARCHIVE_WARN) {
                archive_set_error(a, EBADMSG, "%s", archive_error_string(c->plain));
                return -1;
        }
        c->n_content += size;
        if (c->limits->max_bytes > 0 && c->n_content > c->limits->max_bytes) {
                c->too_large = true;
                archive_set_error(a, EFBIG, "too large");
                return -1;
        }
        hasher_add(c->content_hash, *ret, size);
        return (la_ssize_t)size;
}

static int unreadable(const LayerCheck *c, struct archive *a, Error *error)
{
        if (c->too_large) {
                error_hint(error, "df -h /var/lib");
                return error_set(error, EFBIG,
                                 "Layer '%s' holds more than the %" PRIu64
                                 " MiB that are free on the disk",
                                 c->layer->path, c->limits->max_bytes >> 20);
        }
        return error_set(error, EBADMSG, "Layer '%s' cannot be read: %s", c->layer->path,
                         archive_error_string(a) ?: "unknown error");
}

static int open_streams(LayerCheck *c, Error *error)
{
        struct archive_entry *entry;

        c->plain = archive_read_new();
        c->tar = archive_read_new();
        c->file_hash = hasher_new();
        c->content_hash = hasher_new();
        c->block = malloc(BLOCK_SIZE);
        if (!c->plain || !c->tar || !c->file_hash || !c->content_hash || !c->block)
                return error_set(error, ENOMEM, "Out of memory");
        if (archive_read_support_filter_gzip(c->plain) != ARCHIVE_OK ||
            archive_read_support_filter_zstd(c->plain) != ARCHIVE_OK ||
            archive_read_support_filter_xz(c->plain) != ARCHIVE_OK ||
            archive_read_support_filter_bzip2(c->plain) != ARCHIVE_OK ||
            archive_read_support_format_raw(c->plain) != ARCHIVE_OK ||
            archive_read_open(c->plain, c, NULL, read_file, NULL) != ARCHIVE_OK ||
            archive_read_next_header(c->plain, &entry) != ARCHIVE_OK)
                return unreadable(c, c->plain, error);
        if (archive_read_support_format_tar(c->tar) != ARCHIVE_OK ||
            archive_read_open(c->tar, c, NULL, read_plain, NULL) != ARCHIVE_OK)
                return unreadable(c, c->tar, error);
        return 0;
}

static int note_entry(LayerCheck *c, const char *path, Error *error)
{
        _cleanup_free_ char *directory = NULL;
        const char *name;
        WhiteoutKind kind;
        int r;

        while (path && (path[0] == '/' || (path[0] == '.' && path[1] == '/')))
                path++;
        r = path ? whiteout_parse(path, &kind, &directory, &name) : -EBADMSG;
        if (r == -EBADMSG)
                return error_set(error, EBADMSG, "Layer '%s' is damaged: '%s' is no whiteout",
                                 c->layer->path, path ?: "");
        if (r >= 0 && kind == WHITEOUT_OPAQUE)
                r = strv_pushf(&c->hidden, "%s/", directory);
        if (r >= 0 && kind == WHITEOUT_FILE)
                r = strv_pushf(&c->hidden, "%s/%s", directory, name);
        return r < 0 ? error_set(error, ENOMEM, "Out of memory") : 0;
}

/* What the hashes have not seen: padding after the end of the tar file, and of the compression. */
static int read_rest(LayerCheck *c, Error *error)
{
        const void *rest;
        la_ssize_t n;

        while ((n = read_plain(c->tar, c, &rest)) > 0)
                ;
        if (n < 0)
                return unreadable(c, c->tar, error);
        while ((n = read_file(c->plain, c, &rest)) > 0)
                ;
        return n < 0 ? unreadable(c, c->plain, error) : 0;
}

static int check_hashes(const LayerCheck *c, Error *error)
{
        const OciLayer *l = c->layer;
        Hash file, content;

        hasher_end(c->file_hash, &file);
        hasher_end(c->content_hash, &content);
        if (l->has_digest && c->n_file != l->size)
                return error_set(error, EBADMSG,
                                 "Layer '%s' is damaged: it has %" PRIu64 " bytes, not %" PRIu64,
                                 l->path, c->n_file, l->size);
        if ((l->has_digest && !hash_equal(&file, &l->digest)) || !hash_equal(&content, &l->content))
                return error_set(error, EBADMSG,
                                 "Layer '%s' is damaged: it is not what its digest says", l->path);
        return 0;
}

/* The paths that the layer hides, if it is sound. */
static int check_layer(const OciLayer *layer, const ArchiveSource *limits, int fd, char ***ret,
                       Error *error)
{
        _cleanup_(layer_check_done) LayerCheck c = { .layer = layer,
                                                     .limits = limits,
                                                     .fd = fcntl(fd, F_DUPFD_CLOEXEC, 3) };
        struct archive_entry *entry;
        int r = open_streams(&c, error), found;

        while (r >= 0 && (found = archive_read_next_header(c.tar, &entry)) != ARCHIVE_EOF) {
                if (found < ARCHIVE_WARN)
                        return unreadable(&c, c.tar, error);
                r = note_entry(&c, archive_entry_pathname(entry), error);
        }
        if (r >= 0)
                r = read_rest(&c, error);
        if (r >= 0)
                r = check_hashes(&c, error);
        if (r >= 0)
                *ret = TAKE_PTR(c.hidden);
        return r;
}

static int remove_entries(DIR *d)
{
        int r = 0;

        for (struct dirent *e; r >= 0 && (e = readdir(d));)
                if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
                        r = remove_tree_at(dirfd(d), e->d_name);
        return r;
}

/* Directories keep their times: it is the layer's affair to say others. */
static int empty_directory(int root_fd, const char *path)
{
        int fd = path_open(root_fd, path, O_RDONLY | O_DIRECTORY, 0), r;
        _cleanup_closedir_ DIR *d = fd < 0 ? NULL : fdopendir(fd);
        struct stat st;

        if (!d)
                return fd == -ENOENT || fd == -ENOTDIR ? 0 : fd < 0 ? fd : -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        r = remove_entries(d);
        if (r >= 0 && futimens(fd, (struct timespec[]){ st.st_atim, st.st_mtim }) < 0)
                r = -errno;
        return r;
}

static int remove_entry(int root_fd, const char *path)
{
        const char *name = NULL;
        _cleanup_close_ int parent = path_open_parent(root_fd, path, &name);
        struct stat st;
        int r;

        if (parent < 0)
                return parent == -ENOENT || parent == -ENOTDIR ? 0 : parent;
        if (fstat(parent, &st) < 0)
                return -errno;
        r = remove_tree_at(parent, name);
        if (r < 0)
                return r;
        return utimensat(parent, ".", (struct timespec[]){ st.st_atim, st.st_mtim }, 0) < 0 ? -errno
                                                                                            : 0;
}

static int remove_hidden(int root_fd, char *const *hidden, Error *error)
{
        STRV_FOREACH (path, (char **)hidden) {
                int r = (*path)[strlen(*path) - 1] == '/' ? empty_directory(root_fd, *path)
                                                          : remove_entry(root_fd, *path);

                if (r < 0)
                        return error_errno(error, -r, "Failed to remove '%s', which a layer hides",
                                           *path);
        }
        return 0;
}

static int unpack_layer(Worker *worker, int fd, const OciLayer *layer, const ArchiveSource *limits,
                        int tree_fd, Error *error)
{
        _cleanup_strv_ char **hidden = NULL;
        ArchiveSource source = *limits;
        int r = check_layer(layer, limits, fd, &hidden, error);

        if (r >= 0)
                r = remove_hidden(tree_fd, hidden, error);
        if (r >= 0 && lseek(fd, 0, SEEK_SET) < 0)
                r = error_errno(error, errno, "Failed to read '%s' again", layer->path);
        if (r < 0)
                return r;
        source.fd = fd;
        source.name = layer->path;
        source.whiteouts = ARCHIVE_WHITEOUTS_SKIP;
        source.part = source.over = true;
        archive_limit(&source, tree_fd);
        return archive_extract(worker, &source, tree_fd, error);
}

/* All at once, since /proc is out of reach when the root directory has changed. */
static int open_layers(int image_fd, const OciImage *image, const char *name, int *fds,
                       Error *error)
{
        for (size_t i = 0; i < image->n_layers; i++) {
                const OciLayer *l = &image->layers[i];
                struct stat st;

                fds[i] = path_open_regular(image_fd, l->path);
                if (fds[i] == -ENOENT)
                        return error_set(error, ENOENT, "'%s' is not complete: it has no '%s'",
                                         name, l->path);
                if (fds[i] < 0)
                        return error_errno(error, -fds[i], "Failed to open '%s' of '%s'", l->path,
                                           name);
                if (l->has_digest && (fstat(fds[i], &st) < 0 || (uint64_t)st.st_size != l->size))
                        return error_set(error, EBADMSG,
                                         "Layer '%s' is damaged: it has not %" PRIu64 " bytes",
                                         l->path, l->size);
        }
        return 0;
}

int oci_layers_unpack(Worker *worker, int image_fd, const OciImage *image,
                      const ArchiveSource *limits, int tree_fd, Error *error)
{
        int fds[OCI_LAYERS_MAX], r; /* the process ends with this: it closes them */

        if (image->n_layers > OCI_LAYERS_MAX)
                return error_set(error, E2BIG, "'%s' has too many layers", limits->name);
        r = open_layers(image_fd, image, limits->name, fds, error);
        for (size_t i = 0; r >= 0 && i < image->n_layers; i++) {
                ArchiveSource source = *limits;

                worker_stage(worker, "checking layer %zu of %zu", i + 1, image->n_layers);
                archive_limit(&source, tree_fd);
                r = unpack_layer(worker, fds[i], &image->layers[i], &source, tree_fd, error);
        }
        return r;
}
