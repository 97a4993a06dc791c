/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mkosi's output is known by its name: "image", "image.tar", "image.raw", and an ending for its
 * compression. */

#include "image/built.h"

#include "base/fd.h"
#include "image/archive.h"
#include "image/disk-beside.h"
#include "image/disk-copy.h"
#include "image/disk-create.h"
#include "image/identity.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Publishing {
        Staging *staging;
        const char *name;
        int to_fd;
        ArchiveSource source;
        WorkerProgress progress;
        void *userdata;
} Publishing;

static int unpack(Worker *worker, void *argument, Error *error)
{
        const Publishing *p = argument;

        return archive_extract(worker, &p->source, p->to_fd, error);
}

static int copy(Worker *worker, void *argument, Error *error)
{
        const Publishing *p = argument;

        return disk_copy(worker, &p->source, p->to_fd, error);
}

static int publish_tree(Publishing *p, const char *inside, Error *error)
{
        _cleanup_close_ int fd =
                openat(p->staging->fd, inside, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        int r;

        if (fd < 0)
                return error_errno(error, errno, "Failed to open the tree that mkosi made");
        r = identity_reset(fd, p->name, error);
        return r < 0 ? r : staging_commit_part(p->staging, inside, "", error);
}

static int publish_tar(Publishing *p, Error *error)
{
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (mkdirat(p->staging->fd, "tree", 0755) >= 0)
                fd = openat(p->staging->fd, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return error_errno(error, errno, "Failed to make a tree in '%s'",
                                   p->staging->parent);
        p->to_fd = fd;
        archive_limit(&p->source, fd);
        r = worker_run(unpack, p, p->progress, p->userdata, error);
        return r < 0 ? r : publish_tree(p, "tree", error);
}

static int publish_disk(Publishing *p, Error *error)
{
        static const char plain[] = BUILT_OUTPUT "/" BUILT_NAME ".raw";
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (asprintf(&path, "%s/%s/" BUILT_OUTPUT "/%s", p->staging->parent, p->staging->temporary,
                     p->source.name) < 0) {
                path = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        r = disk_beside_copy(path, p->source.fd, p->staging, error);
        if (r < 0)
                return r;
        if (!disk_is_compressed(p->source.fd))
                return disk_publish(p->staging, plain, p->source.name, error);
        fd = openat(p->staging->fd, "disk", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
                return error_errno(error, errno, "Failed to make a file in '%s'",
                                   p->staging->parent);
        p->to_fd = fd;
        archive_limit(&p->source, fd);
        r = worker_run(copy, p, p->progress, p->userdata, error);
        return r < 0 ? r : disk_publish(p->staging, "disk", p->source.name, error);
}

/* 1 with its descriptor if there is such a file. */
static int open_output(Publishing *p, const char *kind, char **ret_name)
{
        static const char *const endings[] = { "", ".zst", ".xz", ".gz", ".bz2" };
        _cleanup_close_ int out =
                openat(p->staging->fd, BUILT_OUTPUT, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

        for (size_t i = 0; i < ELEMENTSOF(endings); i++) {
                _cleanup_free_ char *name = NULL;
                struct stat st;
                int fd;

                if (asprintf(&name, BUILT_NAME "%s%s", kind, endings[i]) < 0) {
                        name = NULL;
                        return -ENOMEM;
                }
                fd = openat(out, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
                if (fd < 0)
                        continue;
                if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
                        (void)close(fd);
                        continue;
                }
                p->source.fd = fd;
                p->source.size = (uint64_t)st.st_size;
                *ret_name = TAKE_PTR(name);
                return 1;
        }
        return 0;
}

int built_publish(Staging *staging, const char *name, WorkerProgress progress, void *userdata,
                  Error *error)
{
        static const char tree[] = BUILT_OUTPUT "/" BUILT_NAME;
        Publishing p = { .staging = staging,
                         .name = name,
                         .to_fd = -EBADF,
                         .source = { .fd = -EBADF },
                         .progress = progress,
                         .userdata = userdata };
        _cleanup_free_ char *file = NULL;
        struct stat st;
        int r;

        if (fstatat(staging->fd, tree, &st, AT_SYMLINK_NOFOLLOW) >= 0 && S_ISDIR(st.st_mode))
                return publish_tree(&p, tree, error);
        r = open_output(&p, ".raw", &file);
        if (r > 0) {
                p.source.name = file;
                r = publish_disk(&p, error);
        } else if (r == 0 && open_output(&p, ".tar", &file) > 0) {
                p.source.name = file;
                r = publish_tar(&p, error);
        } else {
                error_hint(error, "Format=directory in the [Output] section of mkosi.conf");
                r = error_set(error, EMEDIUMTYPE,
                              "What mkosi has made can be no machine: it takes Format=directory, "
                              "tar or disk");
        }
        closep(&p.source.fd);
        return r;
}
