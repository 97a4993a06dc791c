/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/layer-export.h"

#include "image/oci-write.h"
#include "image/staging.h"
#include "store/checkout.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Exported {
        Store *store;
        const LayerExport *export;
        Progress *progress;
        Commit commit;
        Manifest manifest;
} Exported;

static void exported_done(Exported *e)
{
        commit_done(&e->commit);
        manifest_done(&e->manifest);
}

static int load(Exported *e, Error *error)
{
        _cleanup_free_ char *name = NULL;
        Hash id;
        int r = store_resolve(e->store, e->export->layer, &id, &name, error);

        if (r >= 0)
                r = store_load_commit(e->store, &id, &e->commit, error);
        if (r >= 0)
                r = store_load_tree(e->store, &e->commit.tree, &e->manifest, error);
        return r;
}

/* -EINVAL: it is no tar file by its name. */
static TarCompression compression_of(const char *path)
{
        static const struct {
                const char *suffix;
                TarCompression compression;
        } known[] = {
                { ".tar", TAR_PLAIN },     { ".tar.gz", TAR_GZIP }, { ".tgz", TAR_GZIP },
                { ".tar.xz", TAR_XZ },     { ".txz", TAR_XZ },      { ".tar.zst", TAR_ZSTD },
                { ".tar.zstd", TAR_ZSTD },
        };

        for (size_t i = 0; i < ELEMENTSOF(known); i++) {
                size_t n = strlen(path), m = strlen(known[i].suffix);

                if (n > m && strcmp(path + n - m, known[i].suffix) == 0)
                        return known[i].compression;
        }
        return _TAR_COMPRESSION_INVALID;
}

static int write_tar(const Exported *e, int fd, const char *name, TarCompression compression,
                     Error *error)
{
        const TarTarget target = { .fd = fd, .name = name, .compression = compression };
        TarWritten written;

        return tar_write(e->store, &e->manifest, &target, e->progress, &written, error);
}

static int export_stream(const Exported *e, Error *error)
{
        if (isatty(STDOUT_FILENO))
                return error_set(error, EINVAL, "A tar file is not written to a terminal");
        return write_tar(e, STDOUT_FILENO, "standard output", TAR_PLAIN, error);
}

static int export_tar(const Exported *e, TarCompression compression, Error *error)
{
        const char *path = e->export->target;
        _cleanup_free_ char *temporary = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (asprintf(&temporary, "%s.XXXXXX", path) < 0) {
                temporary = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        fd = mkostemp(temporary, O_CLOEXEC); /* for root alone: there may be secrets in a tree */
        if (fd < 0)
                return error_errno(error, errno, "Failed to create '%s'", temporary);
        r = write_tar(e, fd, path, compression, error);
        if (r >= 0 && fsync(fd) < 0)
                r = error_errno(error, errno, "Failed to write '%s' to disk", path);
        if (r >= 0 && rename(temporary, path) < 0)
                r = error_errno(error, errno, "Failed to rename '%s' to '%s'", temporary, path);
        if (r < 0)
                (void)unlink(temporary); /* half of it is of no use */
        return r;
}

/* The trees of an image: those of the layers that this one was made on, and its own. */
static int list_trees(const Exported *e, Hash **ret, size_t *ret_n, Error *error)
{
        _cleanup_free_ Hash *trees = calloc(e->commit.n_bases + 1, sizeof(*trees));
        size_t n = 0;

        if (!trees)
                return error_set(error, ENOMEM, "Out of memory");
        for (size_t i = 0; i < e->commit.n_bases; i++) {
                _cleanup_commit_ Commit base = COMMIT_NULL;
                int r = store_load_commit(e->store, &e->commit.bases[i].commit, &base, error);

                if (r < 0)
                        return r;
                trees[n++] = base.tree;
        }
        trees[n++] = e->commit.tree;
        *ret = TAKE_PTR(trees);
        *ret_n = n;
        return 0;
}

static int fill_image(const Exported *e, int fd, const char *tag, Error *error)
{
        _cleanup_free_ Hash *trees = NULL;
        OciWrite write = { .directory_fd = fd,
                           .tag = tag,
                           .compression = e->export->compression,
                           .commit = &e->commit };
        int r = list_trees(e, &trees, &write.n_trees, error);

        write.trees = trees;
        return r < 0 ? r : oci_write(e->store, &write, e->progress, error);
}

/* Makes @path, a directory that is not there or empty. @tag: an image, else the tree itself. */
static int export_directory(const Exported *e, const char *path, const char *tag, Error *error)
{
        _cleanup_(staging_done) Staging staging = STAGING_NULL;
        _cleanup_free_ char *whole = strdup(path), *parent = NULL;
        char *slash;
        int r;

        if (!whole)
                return error_set(error, ENOMEM, "Out of memory");
        while (strlen(whole) > 1 && whole[strlen(whole) - 1] == '/')
                whole[strlen(whole) - 1] = '\0';
        slash = strrchr(whole, '/');
        parent = slash ? strndup(whole, MAX_OF((size_t)(slash - whole), (size_t)1)) : strdup(".");
        if (!parent)
                return error_set(error, ENOMEM, "Out of memory");
        /* an empty one gives way; nothing else does */
        if (rmdir(whole) < 0 && errno != ENOENT)
                return error_errno(error, errno,
                                   "Failed to write to '%s', which must be new or empty", path);
        r = staging_new(parent, slash ? slash + 1 : whole, &staging, error);
        if (r >= 0)
                r = tag ? fill_image(e, staging.fd, tag, error)
                        : checkout_copy(e->store, &e->manifest, staging.fd, e->progress, error);
        return r < 0 ? r : staging_commit(&staging, error);
}

static int export_image(const Exported *e, Error *error)
{
        _cleanup_free_ char *directory = strdup(e->export->target + strlen("oci:"));
        char *colon = directory ? strrchr(directory, ':') : NULL;
        const char *tag = "latest";

        if (!directory)
                return error_set(error, ENOMEM, "Out of memory");
        if (e->export->compression == TAR_XZ)
                return error_set(error, EINVAL,
                                 "Container images know none, gzip and zstd, not xz");
        if (colon && !strchr(colon, '/')) {
                *colon = '\0';
                tag = colon + 1;
        }
        return export_directory(e, directory, tag, error);
}

/* An image has the layers below as well, but nobody knows yet how much that is. */
static void announce(const Exported *e, bool image)
{
        Progress *p = e->progress;
        const Manifest *m = &e->manifest;

        p->stage = "Writing";
        if (image && e->commit.n_bases > 0)
                return;
        p->total_objects = m->n;
        for (size_t i = 0; i < m->n; i++)
                p->total_bytes += m->entries[i].size;
}

int layer_export(Store *store, const LayerExport *export, Progress *progress, Error *error)
{
        _cleanup_(exported_done) Exported e = { store, export, progress };
        TarCompression compression = compression_of(export->target);
        const char *target = export->target;
        struct stat st;
        bool image;
        int r = load(&e, error);

        if (r < 0)
                return r;
        image = strncmp(target, "oci:", 4) == 0;
        if (progress)
                announce(&e, image);
        if (image)
                return export_image(&e, error);
        if (strcmp(target, "-") == 0)
                return export_stream(&e, error);
        if (target[0] != '\0' &&
            (target[strlen(target) - 1] == '/' || (stat(target, &st) >= 0 && S_ISDIR(st.st_mode))))
                return export_directory(&e, target, NULL, error);
        if (compression >= 0)
                return export_tar(&e, compression, error);
        error_hint(error, "stead layer export %s %s.tar.zst  (or %s/, oci:%s, '-')", export->layer,
                   target, target, target);
        return error_set(error, EINVAL, "'%s' is neither a tar file by its name nor a directory",
                         target);
}
