/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Archives are unpacked in workers whose root directory is the new tree. An image comes into a
 * directory first: its own, an unpacked archive, or what skopeo makes of one on a registry. */

#include "image/layer-source.h"

#include "base/strv.h"
#include "image/archive.h"
#include "image/oci-layer.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef enum SourceKind {
        SOURCE_FILE, /* or a directory */
        SOURCE_OCI,
        SOURCE_OCI_ARCHIVE,
        SOURCE_DOCKER_ARCHIVE,
        SOURCE_REGISTRY,
        _SOURCE_KIND_MAX,
} SourceKind;

static const char *const prefixes[_SOURCE_KIND_MAX] = {
        [SOURCE_FILE] = "",
        [SOURCE_OCI] = "oci:",
        [SOURCE_OCI_ARCHIVE] = "oci-archive:",
        [SOURCE_DOCKER_ARCHIVE] = "docker-archive:",
        [SOURCE_REGISTRY] = "docker://",
};

static SourceKind kind_of(const char *source)
{
        for (SourceKind kind = SOURCE_FILE + 1; kind < _SOURCE_KIND_MAX; kind++)
                if (strncmp(source, prefixes[kind], strlen(prefixes[kind])) == 0)
                        return kind;
        return SOURCE_FILE;
}

bool layer_import_is_image(const char *source)
{
        return kind_of(source) != SOURCE_FILE;
}

void layer_source_done(LayerSource *s)
{
        closep(&s->tree_fd);
        s->tree_fd = -EBADF;
        tree_lock_release(&s->lock);
        oci_image_done(&s->image);
}

/* What a worker does, and with what. */
typedef struct Unpacking {
        LayerSource *source;
        ArchiveSource archive;
        int image_fd, target_fd;
} Unpacking;

static int unpack_archive(Worker *worker, void *argument, Error *error)
{
        const Unpacking *u = argument;

        return archive_extract(worker, &u->archive, u->target_fd, error);
}

static int unpack_image(Worker *worker, void *argument, Error *error)
{
        const Unpacking *u = argument;

        return oci_layers_unpack(worker, u->image_fd, &u->source->image, &u->archive, u->target_fd,
                                 error);
}

static int fetch_image(Worker *worker, void *argument, Error *error)
{
        const LayerSource *s = ((const Unpacking *)argument)->source;
        const LayerImport *import = s->import;
        _cleanup_strv_ char **argv = NULL;
        int r = strv_push(&argv, "skopeo");

        if (r >= 0 && import->architecture)
                r = strv_pushf(&argv, "--override-arch=%s", import->architecture);
        if (r >= 0)
                r = strv_push(&argv, "copy");
        if (r >= 0 && import->insecure)
                r = strv_push(&argv, "--src-tls-verify=false");
        if (r >= 0)
                r = strv_push(&argv, import->source);
        if (r >= 0)
                r = strv_pushf(&argv, "oci:%s/image:latest", s->work->path);
        if (r < 0)
                return error_errno(error, -r, "Failed to prepare 'skopeo'");
        worker_stage(worker, "downloading");
        return worker_program(worker, argv, NULL, error);
}

/* "FILE:TAG" where FILE is there, and "FILE" has no such part. */
static int split_tag(const char *word, char **ret_file, const char **ret_tag, Error *error)
{
        _cleanup_free_ char *file = strdup(word);

        if (!file)
                return error_set(error, ENOMEM, "Out of memory");
        *ret_tag = NULL;
        while (access(file, F_OK) < 0) {
                char *colon = strrchr(file, ':');

                if (!colon)
                        return error_errno(error, ENOENT, "Failed to open '%s'", word);
                *colon = '\0';
                *ret_tag = word + (colon - file) + 1;
        }
        *ret_file = TAKE_PTR(file);
        return 0;
}

static int open_file(const char *path, ArchiveSource *archive, Error *error)
{
        struct stat st;

        archive->fd = strcmp(path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                                             : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (archive->fd < 0 || fstat(archive->fd, &st) < 0)
                return error_errno(error, errno, "Failed to open '%s'", path);
        archive->name = strcmp(path, "-") == 0 ? "standard input" : path;
        archive->size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
        return 0;
}

static int unpack_file(LayerSource *s, const char *path, const ArchiveSource *options, int target,
                       Error *error)
{
        Unpacking u = { .source = s, .archive = *options, .target_fd = target };
        _cleanup_close_ int fd = -EBADF;
        int r;

        u.archive.fd = -EBADF;
        r = open_file(path, &u.archive, error);
        fd = u.archive.fd;
        if (r < 0)
                return r;
        u.archive.done = &s->work->shared[LAYER_WORK_DONE];
        archive_limit(&u.archive, target);
        return layer_work_run(s->work, u.archive.size, unpack_archive, &u, error);
}

static int open_tree(LayerSource *s, Error *error)
{
        int r = layer_work_directory(s->work, "tree", &s->tree_fd, error);

        s->ours = r >= 0;
        return r;
}

/* An image that is in @image_fd. */
static int open_image(LayerSource *s, int image_fd, const OciChoice *choice, Error *error)
{
        Unpacking u = { .source = s,
                        .archive = { .fd = -EBADF,
                                     .name = choice->name,
                                     .keep_devices = s->import->keep_devices,
                                     .done = &s->work->shared[LAYER_WORK_DONE],
                                     .n_devices = &s->work->shared[LAYER_WORK_DEVICES] },
                        .image_fd = image_fd };
        uint64_t total = 0;
        int r = oci_open(image_fd, choice, &s->image, error);

        if (r >= 0)
                r = open_tree(s, error);
        if (r < 0)
                return r;
        for (size_t i = 0; i < s->image.n_layers; i++)
                total += 2 * MIN_OF(s->image.layers[i].size, UINT64_MAX / 4 / OCI_LAYERS_MAX);
        u.target_fd = s->tree_fd;
        return layer_work_run(s->work, total, unpack_image, &u, error);
}

static int open_image_directory(LayerSource *s, const char *path, const OciChoice *choice,
                                Error *error)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return error_errno(error, errno, "Failed to open the image '%s'", path);
        return open_image(s, fd, choice, error);
}

static int open_image_archive(LayerSource *s, const char *path, const OciChoice *choice,
                              Error *error)
{
        const ArchiveSource options = { .part = true };
        _cleanup_close_ int fd = -EBADF;
        int r = layer_work_directory(s->work, "image", &fd, error);

        if (r >= 0)
                r = unpack_file(s, path, &options, fd, error);
        return r < 0 ? r : open_image(s, fd, choice, error);
}

static int open_registry(LayerSource *s, Error *error)
{
        OciChoice choice = { .name = s->import->source, .architecture = s->import->architecture };
        Unpacking u = { .source = s };
        _cleanup_free_ char *path = NULL;
        int r = layer_work_run(s->work, 0, fetch_image, &u, error);

        if (r < 0)
                return r;
        if (asprintf(&path, "%s/image", s->work->path) < 0) {
                path = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        return open_image_directory(s, path, &choice, error);
}

static int open_archive(LayerSource *s, Error *error)
{
        const LayerImport *import = s->import;
        const ArchiveSource options = {
                .keep_devices = import->keep_devices,
                .whiteouts =
                        import->difference ? ARCHIVE_WHITEOUTS_OVERLAY : ARCHIVE_WHITEOUTS_PLAIN,
                .part = import->difference,
                .n_devices = &s->work->shared[LAYER_WORK_DEVICES],
        };
        int r = open_tree(s, error);

        if (r < 0)
                return r;
        r = unpack_file(s, import->source, &options, s->tree_fd, error);
        if (r == -EBADMSG && !import->difference && strcmp(import->source, "-") != 0)
                error_hint(error, "for a container image: stead layer import %s docker-archive:%s",
                           import->name, import->source);
        return r;
}

static int open_directory(LayerSource *s, Error *error)
{
        const LayerImport *import = s->import;
        _cleanup_free_ char *path = realpath(import->source, NULL);
        int r;

        if (!path)
                return error_errno(error, errno, "Failed to open '%s'", import->source);
        if (!import->force) {
                r = tree_lock_take(path, false, &s->lock, error);
                if (r < 0)
                        return r;
        }
        s->tree_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return s->tree_fd < 0 ? error_errno(error, errno, "Failed to open '%s'", path) : 0;
}

static int open_file_or_directory(LayerSource *s, Error *error)
{
        const char *source = s->import->source;
        struct stat st;

        if (strcmp(source, "-") == 0)
                return open_archive(s, error);
        if (stat(source, &st) < 0) {
                if (errno == ENOENT)
                        error_hint(error,
                                   "a directory, a tar file, '-', oci:DIRECTORY, oci-archive:FILE, "
                                   "docker-archive:FILE or docker://IMAGE");
                return error_errno(error, errno, "Failed to open '%s'", source);
        }
        return S_ISDIR(st.st_mode) ? open_directory(s, error) : open_archive(s, error);
}

int layer_source_open(const LayerImport *import, LayerWork *work, LayerSource *ret, Error *error)
{
        SourceKind kind = kind_of(import->source);
        const char *word = import->source + strlen(prefixes[kind]);
        OciChoice choice = { .architecture = import->architecture,
                             .docker = kind == SOURCE_DOCKER_ARCHIVE };
        _cleanup_free_ char *file = NULL;
        int r;

        *ret = (LayerSource){
                .import = import, .work = work, .tree_fd = -EBADF, .lock = TREE_LOCK_NULL
        };
        if (kind == SOURCE_FILE)
                return open_file_or_directory(ret, error);
        if (kind == SOURCE_REGISTRY)
                return open_registry(ret, error);
        r = split_tag(word, &file, &choice.tag, error);
        if (r < 0)
                return r;
        choice.name = file;
        return kind == SOURCE_OCI ? open_image_directory(ret, file, &choice, error)
                                  : open_image_archive(ret, file, &choice, error);
}
