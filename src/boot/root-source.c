/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which of the three kinds of root a machine has. */

#include "boot/root-source.h"

#include "boot/instantiate.h"
#include "boot/plan-parts.h"
#include "machine/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What a name means: a directory or an image of that name, never one of two. */
static int find_image(Settings *s, Error *error)
{
        _cleanup_free_ char *directory = NULL, *image = NULL;
        int r = plan_find_tree(s->machine, "", &directory);

        if (r >= 0 || r == -ENOENT)
                r = plan_find_tree(s->machine, ".raw", &image);
        if (r == -ENOENT)
                return 0; /* a tree, or nothing: the plan says */
        if (r < 0)
                return error_set(error, -r, "Out of memory");
        if (directory) {
                error_hint(error, "mv %s %s.old  (or name one: --directory=%s, --image=%s)", image,
                           image, directory, image);
                return error_set(error, EEXIST,
                                 "Machine '%s' has both a tree '%s' and a disk image '%s'",
                                 s->machine, directory, image);
        }
        s->image = TAKE_PTR(image);
        return 0;
}

static int open_layers(const Settings *s, LayerRoot **ret, Error *error)
{
        if (!s->machine) {
                error_set(error, EINVAL, "Layers are given, but not which machine is made of them");
                error_hint(error, "add --machine=NAME");
                return -EINVAL;
        }
        if (geteuid() != 0) {
                error_set(error, EPERM, "Only root can read the store of layers");
                error_hint(error, "sudo stead %s %s", s->dry_run ? "plan" : "start", s->machine);
                return -EPERM;
        }
        if (s->try_of)
                return layer_root_open_try(s->try_of, ret, error);
        return layer_root_open(s->machine, s->layers, s->disk_max, s->dry_run, ret, error);
}

char *root_source_user(const char *path)
{
        Machine **list = NULL;
        char *name = NULL;
        size_t n = 0;

        if (machine_list(&list, &n, NULL) >= 0)
                for (size_t i = 0; i < n && !name; i++)
                        if (list[i]->root && strcmp(list[i]->root, path) == 0)
                                name = strdup(list[i]->name);
        machine_list_free(list, n);
        return name;
}

static int explain_busy(const char *path, Error *problem, Error *error)
{
        _cleanup_free_ char *real = realpath(path, NULL);
        _cleanup_free_ char *user = real ? root_source_user(real) : NULL;

        if (!user)
                return error_move(error, problem);
        error_hint(error, "stead stop %s; or add --ephemeral, if it is read-only there", user);
        return error_set(error, EBUSY, "Disk image '%s' is in use by machine '%s'", real, user);
}

static int open_disk(const Settings *s, DiskRoot **ret, Error *error)
{
        DiskRootOptions options = {
                .path = s->image,
                .write = !s->read_only && !s->ephemeral && s->volatile_mode == VOLATILE_NO,
                .look_only = s->dry_run,
                .root_hash = s->root_hash,
                .verity_data = s->verity_data,
                .policy = s->image_policy,
        };
        _cleanup_error_ Error problem = ERROR_NULL;
        int r;

        if (geteuid() != 0) {
                error_set(error, EPERM, "Only root can look into a disk image");
                error_hint(error, "sudo stead-launch --image=%s ...", s->image);
                return -EPERM;
        }
        if (s->disk_max > 0 && s->disk_max != DISK_MAX_INFINITY) {
                error_hint(error, "truncate -s SIZE %s; resize2fs %s", s->image, s->image);
                return error_set(error, EOPNOTSUPP,
                                 "DiskMax= is for machines of layers; a disk image is as large as "
                                 "its file");
        }
        r = disk_root_open(&options, ret, &problem);
        if (r == -EBUSY)
                return explain_busy(s->image, &problem, error);
        return r < 0 ? error_move(error, &problem) : 0;
}

int root_source_open(Settings *s, RootSource *ret, Error *error)
{
        bool named = s->directory || s->template_path || s->layers || s->image;
        int r = !named && s->machine ? find_image(s, error) : 0;

        if (r >= 0)
                r = boot_instantiate(s, error);
        if (r >= 0 && s->layers)
                r = open_layers(s, &ret->layers, error);
        else if (r >= 0 && s->image)
                r = open_disk(s, &ret->disk, error);
        return r < 0 ? r : 0;
}

void root_source_done(RootSource *source)
{
        layer_root_free(source->layers);
        disk_root_free(source->disk);
        *source = ROOT_SOURCE_NULL;
}

int root_source_view(const RootSource *source, struct stat *ret_st, Error *error)
{
        int fd = source->layers ? layer_root_view(source->layers, error)
                                : disk_root_view(source->disk, error);

        if (fd < 0)
                return fd;
        fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (fd < 0 || fstat(fd, ret_st) < 0) {
                (void)error_errno(error, errno, "Failed to look at the machine's root");
                closep(&fd);
                return -error->number;
        }
        return fd;
}

void root_source_fit_hint(const RootSource *source, Error *error)
{
        const char *path = source->disk ? source->disk->path : NULL;
        const char *said = path && error && error->hint ? strstr(error->hint, path) : NULL;

        if (said && said[strlen(path)] == '/')
                error_hint(error, "stead-launch --read-only --image=%s /bin/sh  (looks into it)",
                           path);
}

/* That of a disk image stays, and its file systems with it: they are written out when the launcher
 * ends, and not between two starts. */
void root_source_end_view(const RootSource *source)
{
        if (source->layers)
                layer_root_end_view(source->layers);
}
