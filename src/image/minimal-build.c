/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/minimal-build.h"

#include "image/disk-create.h"
#include "image/layer-work.h"
#include "store/ingest.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define IMAGE "disk"

typedef struct Making {
        const Minimal *minimal;
        int tree_fd;
} Making;

DEFINE_STRING_TABLE(minimal_image, MinimalImage, "squashfs", "erofs");

typedef struct ImageMaking {
        MinimalImage type;
        char *tree, *file;
} ImageMaking;

static int make(Worker *worker, void *argument, Error *error)
{
        const Making *m = argument;
        int r;

        worker_stage(worker, "copying %zu files", m->minimal->closure.carry.n);
        r = minimal_make(m->minimal, m->tree_fd, error);
        return r < 0 ? r : minimal_settle(m->tree_fd, error);
}

static void ignore_progress(const char *stage, void *userdata)
{
}

static int check_tree(const MinimalCheck *check, const char *path, Error *error)
{
        return check->check ? check->check(path, check->userdata, error) : 0;
}

int minimal_build_tree(const Minimal *m, const MinimalPlace *place, const MinimalCheck *check,
                       Error *error)
{
        const char *directory = place->directory;
        _cleanup_(staging_done) Staging staging = STAGING_NULL;
        _cleanup_free_ char *path = NULL;
        int r = staging_new(directory, place->name, &staging, error);

        if (r < 0)
                return r;
        if (asprintf(&path, "%s/%s", directory, staging.temporary) < 0) {
                path = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        r = worker_run(make, &(Making){ m, staging.fd }, ignore_progress, NULL, error);
        if (r == -ENOSPC || r == -EDQUOT)
                error_hint(error, "df -h %s", directory);
        if (r >= 0)
                r = check_tree(check, path, error);
        return r != 0 ? r : staging_commit(&staging, error);
}

/* What makes the file system, by itself the same from the same tree. */
static int make_image(Worker *worker, void *argument, Error *error)
{
        const ImageMaking *m = argument;
        char *const squashfs[] = {
                (char *)"mksquashfs",   m->tree,          m->file,
                (char *)"-comp",        (char *)"zstd",   (char *)"-Xcompression-level",
                (char *)"19",           (char *)"-b",     (char *)"1M",
                (char *)"-mkfs-time",   (char *)"0",      (char *)"-noappend",
                (char *)"-no-progress", (char *)"-quiet", NULL
        };
        /* a version before 1.8 takes the one time for all files */
        char *const erofs[] = { (char *)"mkfs.erofs",
                                (char *)"-zlz4hc,12",
                                (char *)"-C65536",
                                (char *)"-T0",
                                (char *)"-U00000000-0000-0000-0000-000000000000",
                                m->file,
                                m->tree,
                                NULL };
        bool is_squashfs = m->type == MINIMAL_SQUASHFS;
        int r;

        worker_stage(worker, "compressing");
        (void)unsetenv("SOURCE_DATE_EPOCH"); /* would contradict ours */
        r = worker_program(worker, is_squashfs ? squashfs : erofs, NULL, error);
        if (r == -ENOENT)
                error_hint(error, "apt-get install %s",
                           is_squashfs ? "squashfs-tools" : "erofs-utils");
        return r;
}

static int fill_tree(const Minimal *m, const char *path, Error *error)
{
        _cleanup_close_ int fd =
                mkdir(path, 0755) < 0 ? -EBADF : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0 || fchmod(fd, 0755) < 0)
                return error_errno(error, errno, "Failed to make '%s'", path);
        return worker_run(make, &(Making){ m, fd }, ignore_progress, NULL, error);
}

int minimal_build_image(const Minimal *m, const MinimalPlace *place, MinimalImage type,
                        const MinimalCheck *check, uint64_t *ret_size, Error *error)
{
        _cleanup_(staging_done) Staging staging = STAGING_NULL;
        _cleanup_free_ char *tree = NULL, *file = NULL;
        struct stat st;
        int r = staging_new(place->directory, place->name, &staging, error);

        if (r < 0)
                return r;
        if (asprintf(&tree, "%s/%s/tree", place->directory, staging.temporary) < 0)
                tree = NULL;
        if (asprintf(&file, "%s/%s/" IMAGE, place->directory, staging.temporary) < 0)
                file = NULL;
        if (!tree || !file)
                return error_set(error, ENOMEM, "Out of memory");
        r = fill_tree(m, tree, error);
        if (r >= 0)
                r = check_tree(check, tree, error);
        if (r == 0)
                r = worker_run(make_image, &(ImageMaking){ type, tree, file }, ignore_progress,
                               NULL, error);
        if (r == -ENOSPC || r == -EDQUOT)
                error_hint(error, "df -h %s", place->directory);
        if (r != 0)
                return r;
        if (stat(file, &st) < 0)
                return error_errno(error, errno, "Failed to look at '%s'", file);
        r = disk_publish(&staging, IMAGE, place->name, error);
        if (r >= 0)
                *ret_size = (uint64_t)st.st_size;
        return r;
}

int minimal_build_layer(const Minimal *m, Store *store, const MinimalLayer *layer,
                        LayerVersion *ret, Error *error)
{
        _cleanup_layer_work_ LayerWork work = LAYER_WORK_NULL;
        _cleanup_manifest_ Manifest manifest = MANIFEST_NULL;
        _cleanup_commit_ Commit commit = { .kind = LAYER_BASE };
        _cleanup_close_ int tree_fd = -EBADF;
        _cleanup_free_ char *path = NULL;
        IngestOptions options = { .consume = true, .progress = layer->progress };
        int r = layer_version_check(store, layer->name, error);

        if (r >= 0)
                r = layer_work_begin(store, layer->progress, &work, error);
        if (r >= 0)
                r = layer_work_directory(&work, "tree", &tree_fd, error);
        if (r < 0)
                return r;
        if (asprintf(&path, "%s/tree", work.path) < 0) {
                path = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        r = layer_work_run(&work, 0, make, &(Making){ m, tree_fd }, error);
        if (r >= 0)
                r = check_tree(&layer->check, path, error);
        if (r != 0)
                return r;
        r = ingest_tree(store, tree_fd, &options, &manifest, error);
        if (r < 0)
                return r;
        commit.message = layer->message ? strdup(layer->message) : NULL;
        if ((layer->message && !commit.message) ||
            commit_set_label(&commit, "program", m->program) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        return layer_version_add(store, layer->name, &manifest, &commit, ret, error);
}
